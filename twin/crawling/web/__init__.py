"""The one way to the web: which addresses may be fetched, robots.txt, taking turns at a host, and captures."""
