"""What a question says about where to look: author, platform, date, category, language."""
