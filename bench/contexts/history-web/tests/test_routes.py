import unittest

from app import routes


class Test(unittest.TestCase):
    def test_name(self):
        self.assertEqual(routes.name(), "routes")
