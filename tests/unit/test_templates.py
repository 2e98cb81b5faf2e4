"""Templates of cards: they call the verbs of the pen and nothing that a sandbox forbids."""

import pytest
from jinja2.exceptions import SecurityError, UndefinedError
from msgspec import Struct

from cds.deck.cards import environment


class Verbs(Struct):
    words: str

    def said(self, *more, end="."):
        return " ".join((self.words, *more)) + end


def test_a_template_calls_methods_of_our_values():
    template = environment().from_string('{{ said("and", end="!") }} {{ of.said() }}')
    assert template.render(said=Verbs("here").said, of=Verbs("there")) == "here and! there."


@pytest.mark.parametrize(
    "body",
    [
        '{{ "{0.__class__}".format(of) }}',
        '{{ ("{0.__class__}" | escape).format(of) }}',
        "{{ of.__init__() }}",
        "{{ of.said.__globals__ }}",
        "{{ of.said.__func__.__globals__.keys() }}",
        "{{ [].append(1) }}",
    ],
)
def test_everything_else_stays_in_the_sandbox(body):
    with pytest.raises(SecurityError):
        environment().from_string(body).render(of=Verbs("here"))


def test_a_template_has_only_what_it_is_given():
    with pytest.raises(UndefinedError):
        environment().from_string("{{ range(3) }}").render()
