"""Shared docstring text."""

import pytest

from sklearn_siamese_speaker._docs import substitute


def test_a_text_stands_at_the_indentation_of_its_name():
    @substitute(text="one : int\n    Two.", unused="x")
    def function():
        """First.

        %(text)s
        """

    assert function.__doc__.splitlines()[2:4] == ["        one : int", "            Two."]


def test_a_name_without_text_is_an_error():
    with pytest.raises(KeyError, match="missing"):

        @substitute(text="")
        def function():
            """%(missing)s"""
