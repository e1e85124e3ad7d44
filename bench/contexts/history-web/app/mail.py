"""mail"""


def name():
    return "mail"
