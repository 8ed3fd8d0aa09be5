"""What a text is, whoever asks: its kind, its byline, its words, its dates. Nothing here knows a source or a stage."""
