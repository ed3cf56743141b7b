"""Decay data, Bateman chains and activities."""

from decimal import Decimal, localcontext
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

from tumorsim.agents.catalogue import agent_names, load_agent
from tumorsim.agents.radionuclide import (
    Radionuclide,
    activity_of,
    amount_of,
    chain_activities,
    chain_decays,
    decay_chain,
    decay_matrix,
    decayed_dose,
    equilibrium_energy,
    radionuclide,
    radionuclide_names,
)
from tumorsim.errors import ConfigError

DAY = 86400.0
MEV = 1.602176634e-13


def file_of(*rates: float) -> list[Radionuclide]:
    """Nuclides that decay one into the next."""
    names = [str(k) for k in range(len(rates))]
    last = len(rates) - 1
    return [
        Radionuclide(
            name, np.log(2) / rate, daughters=MappingProxyType({} if k == last else {names[k + 1]: 1.0})
        )
        for k, (name, rate) in enumerate(zip(names, rates, strict=True))
    ]


def bateman(rates: list[float], time: float) -> float:
    """Activity of the last of a file per activity of the first, of distinct rates, with 150 digits."""
    with localcontext() as context:
        context.prec = 150
        k, t = [Decimal(rate) for rate in rates], Decimal(time)
        total = Decimal(0)
        for i, ki in enumerate(k):
            product = Decimal(1)
            for j, kj in enumerate(k):
                product *= (kj - ki) if j != i else 1
            total += (-ki * t).exp() / product
        for ki in k[1:]:
            total *= ki
        return float(total)


@settings(deadline=None)
@given(
    rates=st.lists(st.floats(-9, 1).map(lambda x: 10**x), min_size=2, max_size=6, unique=True),
    time=st.floats(-3, 7).map(lambda x: 10**x),
)
def test_a_file_of_nuclides_follows_bateman(rates, time):
    chain = file_of(*rates)
    rates = [nuclide.decay_rate for nuclide in chain]
    if len(set(rates)) < len(rates):
        return
    found = chain_activities(chain, 1.0, time)[-1]
    # 30 squarings of a 6 × 6 matrix at a few roundings each; underflow ends where doubles do.
    assert found == pytest.approx(bateman(rates, time), rel=1e-12, abs=1e-290)


def test_equal_constants_give_the_gamma_distribution():
    """Four links of equal rate k: A₄ = A₁(0) (kt)³/3! e^{−kt}."""
    k, times = 1e-3, np.array([0.0, 1.0, 1e3, 2e4])
    found = chain_activities(file_of(k, k, k, k), 5.0, times)[:, -1]
    np.testing.assert_allclose(found, 5 * (k * times) ** 3 / 6 * np.exp(-k * times), rtol=1e-13)


def test_nearly_equal_constants_differ_as_little_as_they_should():
    k, t = 1e-3, 700.0
    for apart in (1e-15, 1e-12, 1e-8):
        found = chain_activities(file_of(k, k * (1 + apart)), 1.0, t)[-1]
        assert found == pytest.approx(k * t * np.exp(-k * t), rel=1e-14 + apart)


def test_branches_agree_with_the_matrix_exponential_of_scipy():
    """Ra-223 without its two daughters faster than 1 s, which SciPy resolves poorly."""
    chain = [n for n in decay_chain("Ra-223") if n.half_life > 1 or n.name == "Ra-223"]
    for t in (1.0, 600.0, DAY):
        ours = chain_activities(chain, 1.0, t)
        rates = np.array([n.decay_rate for n in chain])
        theirs = expm(decay_matrix(chain) * t)[:, 0] * rates / rates[0]
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-14)  # SciPy's is right to the norm


def test_actinium_in_equilibrium_emits_four_alphas_and_28_mev():
    chain = decay_chain("Ac-225")
    assert [n.name for n in chain][:3] == ["Ac-225", "Fr-221", "At-217"]
    late = chain_activities(chain, 1.0, 10 * DAY) / chain_activities(chain, 1.0, 10 * DAY)[0]
    decays = {n.name: a for n, a in zip(chain, late, strict=True)}
    alphas = sum(n.alpha_yield * decays[n.name] for n in chain)
    # daughters decay at λ_d/(λ_d − λ_p) of the parent's rate: 2 % of that of Pb-209 is 0.3 h in 240 h
    assert alphas == pytest.approx(4.0, rel=0.01)
    charged, _ = equilibrium_energy(chain)
    alpha_energy = sum(n.alphas * a for n, a in zip(chain, late, strict=True))
    assert alpha_energy == pytest.approx(28.0 * MEV, rel=0.01)
    assert charged == pytest.approx((28.0 + 0.69) * MEV, rel=2e-3)  # the reference has three digits


def test_the_microseconds_of_polonium_lose_no_digits():
    """Po-213 has 4.2 µs in a chain followed for 30 days, a ratio of 6e11."""
    chain = file_of(radionuclide("Ac-225").decay_rate, radionuclide("Po-213").decay_rate)
    slow, fast = (n.decay_rate for n in chain)
    t = 30 * DAY
    expected = fast / (fast - slow) * np.exp(-slow * t)
    assert chain_activities(chain, 1.0, t)[-1] == pytest.approx(expected, rel=1e-12)


def test_decays_are_the_area_under_the_activity():
    chain = decay_chain("Ac-225")
    counted = chain_decays(chain, 1.0, 1e9)  # for ever
    assert counted[0] == pytest.approx(1 / chain[0].decay_rate, rel=1e-12)
    assert sum(n.alpha_yield * c for n, c in zip(chain, counted, strict=True)) == pytest.approx(
        4 * counted[0], rel=1e-4  # yields have four or five digits
    )
    half = chain_decays(chain, 1.0, chain[0].half_life)
    assert half[0] == pytest.approx(counted[0] / 2, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "electrons", "photons"),
    [
        ("Lu-177", 0.1333 + 0.0147, 0.0351),
        ("Y-90", 0.9329 + 0.0002, 0.0),
        ("I-131", 0.1819 + 0.0100, 0.3828),
        ("Tb-161", 0.1543 + 0.0482, 0.0365),
        ("Cu-64", 0.1227 + 0.0021, 0.1855),
        ("Zr-89", 0.0899 + 0.0120, 1.158),
        ("F-18", 0.2416, 0.9886),
        ("Ga-68", 0.7374 + 0.0006, 0.9487),
        ("I-124", 0.1873 + 0.0070, 1.113),
    ],
)
def test_energies_are_those_of_the_reference(name, electrons, photons):
    nuclide = radionuclide(name)
    assert nuclide.charged_energy / MEV == pytest.approx(electrons, abs=1.1e-4)  # its last digit
    assert nuclide.photons / MEV == pytest.approx(photons, abs=6e-4)


def test_every_daughter_is_in_the_table_and_branches_add_to_at_most_1():
    for name in radionuclide_names():
        daughters = radionuclide(name).daughters
        assert all(daughter in radionuclide_names() for daughter in daughters)
        assert sum(daughters.values()) <= 1 + 1e-12


def test_the_catalogue_decays_as_the_table_says():
    labelled = [agent for agent in map(load_agent, agent_names()) if agent.radionuclide]
    assert labelled
    for agent in labelled:
        # the catalogue has three to four digits
        assert agent.decay_half_life == pytest.approx(radionuclide(agent.radionuclide).half_life, rel=5e-4)


def test_activity_and_amount():
    lutetium = radionuclide("Lu-177")
    # specific activity of carrier-free Lu-177: 4.11 TBq/mg [M]
    per_kg = activity_of(1 / 0.1769438, lutetium)
    assert per_kg * 1e-6 == pytest.approx(4.11e12, rel=3e-3)
    assert amount_of(activity_of(2e-9, lutetium), lutetium) == pytest.approx(2e-9, rel=1e-15)


def test_a_dose_decays_in_its_vial():
    assert decayed_dose(8.0, radionuclide("F-18"), waiting=2 * 109.77 * 60) == pytest.approx(2.0)


def test_an_unknown_nuclide_gets_a_hint():
    with pytest.raises(ConfigError, match="Lu-177"):
        radionuclide("Lu-178")
