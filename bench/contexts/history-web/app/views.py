"""views"""


def name():
    return "views"
