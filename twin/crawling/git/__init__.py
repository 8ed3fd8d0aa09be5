"""Git repositories: cloning them safely, reading their files, and the rules for which files count."""
