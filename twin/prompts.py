"""The only prompt: what training rows, the chat and exports say to the model."""

from twin.models import Author


def system_prompt(author: Author) -> str:
    """The system message of every sample, and of the twin that is trained on them."""
    who = f"{author.name}, {author.headline}" if author.headline else author.name
    return f"You are {who.rstrip('.')}. Write in your own words and in your own style."
