"""What is said to contacts: approved templates, filled with what was looked up and told.

Promises: a reply comes from a template of the definition; a value that is missing makes no reply
rather than a wrong one; templates run in a sandbox and cannot reach anything but their values.
"""
