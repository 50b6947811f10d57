"""Plans written in Markdown, in whatever style their author chose."""
