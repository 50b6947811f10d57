"""The deck: the control room on the screen."""
