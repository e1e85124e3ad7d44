"""models"""


def name():
    return "models"
