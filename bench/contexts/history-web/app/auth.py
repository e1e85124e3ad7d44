"""auth"""


def name():
    return "auth"
