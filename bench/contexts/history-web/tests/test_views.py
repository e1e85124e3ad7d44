import unittest

from app import views


class Test(unittest.TestCase):
    def test_name(self):
        self.assertEqual(views.name(), "views")
