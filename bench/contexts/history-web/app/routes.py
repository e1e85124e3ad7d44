"""routes"""


def name():
    return "routes"
