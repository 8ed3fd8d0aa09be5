"""RSS, Atom and JSON Feed: their items, and the documents made of them."""
