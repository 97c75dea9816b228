"""What requests must satisfy beyond their shape, and the defaults they get.

`accept` of each resource takes decoded options and returns them with nulls removed and defaults
filled in, or raises a BatchError that names property, value and rule. A null is an absent property:
that is what it means wherever something is created.
"""
