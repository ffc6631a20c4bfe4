"""`make kube-test`: what people do first, through the one address. The README's first booking is in on_a_cluster.py."""

from cluster.changing import make_kube

from slotstream_local.kube.kubectl import Kubectl


def test_the_demo_plays_and_its_mails_come(kubectl: Kubectl, shown: str) -> None:
    told = make_kube("demo")

    for words in ("Salon Nord", "Hudson Dental", "slot_taken", "Anna's appointments as a calendar", "alan@example.com"):
        assert words in told, told
