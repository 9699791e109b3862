"""Finds names and postal addresses in running text; promises a cost linear in the text's length."""
