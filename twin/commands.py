"""The commands that messages name. They are short, and work when pasted into a terminal in the project's folder."""


def build(author: str = "SLUG") -> str:
    """The command that registers the authors and builds the twin of one."""
    return f"make demo AUTHOR={author}"


BUILD = build()
