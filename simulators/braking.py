"""What one drive asks of the brakes: work at the discs, disc temperature, and the pad it wears away.

This is the simulator's own physics, of which the product knows nothing. Work is what is left of the deceleration
power after rolling, air and engine drag (T. Gillespie, *Fundamentals of Vehicle Dynamics*, SAE, ch. 3 and 4); the disc
is one lump that cools faster the faster the car goes (R. Limpert, *Brake Design and Safety*, SAE, ch. 3); wear is
proportional to friction work with a rate that rises with temperature (J. Archard's law; the magnitude is that of the
limits set for disc pads by JIS D 4411 and GB 5763: about 0.5·10⁻⁷ cm³/(N·m) at 100 °C and seven times that at 350 °C,
common knowledge that was not read in the source).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulators.drive import AMBIENT, ENGINE_SPEED, Drive

GRAVITY_M_S2 = 9.81
AIR_KG_M3 = 1.19
ROTATING_MASS = 1.035  # what wheels and drive line add to the inertia
ROLLING_LOSS = 0.0115
DRAG_AREA_M2 = 0.66
ENGINE_DRAG_W_PER_RPM = 1.3  # a 1.4 l engine pushed along at about 1.1 bar of mean pressure: p·V/120
STATIC_FRONT_SHARE = 0.60
LOAD_TRANSFER = 0.21  # height of the centre of gravity over the wheelbase
DISC_HEAT_J_PER_K = 2 * 6.5 * 460.0  # two front discs of 6.5 kg of grey iron
COOLING_PER_S = (0.0012, 0.00012)  # standing; per m/s of speed
PAD_AREA_MM2 = 4 * 4_200.0  # four front pads
REAR_DISC_HEAT_J_PER_K = 2 * 4.5 * 460.0  # two solid rear discs of 4.5 kg
REAR_PAD_AREA_MM2 = 4 * 3_400.0
WEAR_MM3_PER_J = 7.0e-5  # at 100 °C
WEAR_GROWTH_PER_K = 0.0078  # sevenfold in 250 K


@dataclass(frozen=True, slots=True)
class Axle:
    """One axle's brakes: whether it is the front one, the heat its discs take per kelvin, and its pads' whole area."""

    is_front: bool
    disc_heat_j_per_k: float
    pad_area_mm2: float


FRONT = Axle(True, DISC_HEAT_J_PER_K, PAD_AREA_MM2)
REAR = Axle(False, REAR_DISC_HEAT_J_PER_K, REAR_PAD_AREA_MM2)


@dataclass(frozen=True, slots=True)
class Recuperation:
    """What an electric machine takes off the brakes: up to `power_w`, fading out as the car comes to rest.

    A car without an engine that is pushed along (`has_engine_drag` false) leaves all of its slowing to it.
    """

    power_w: float = 0.0
    has_engine_drag: bool = True

    # Machines give no torque worth having at walking pace: the last metres are braked by friction.
    none_below_m_s: float = 2.0
    full_from_m_s: float = 7.0


NO_RECUPERATION = Recuperation()


@dataclass(frozen=True, slots=True)
class BrakeDemand:
    """`work_j` at an axle's discs, the hottest disc in °C, and the pad worn by a car of factor 1, in mm."""

    work_j: float
    hottest_c: float
    pad_mm: float


def brake_demand(
    drive: Drive, mass_kg: float, axle: Axle = FRONT, recuperation: Recuperation = NO_RECUPERATION
) -> BrakeDemand:
    """One axle's part of one drive by a car of `mass_kg`; exactly zero work if it never slows down."""
    power = axle_brake_power_w(drive, mass_kg, axle, recuperation)
    seconds = drive.steps_s
    disc_c = _disc_temperature_c(drive, power, axle.disc_heat_j_per_k)
    energy = power * seconds
    wear = energy * WEAR_MM3_PER_J * np.exp(WEAR_GROWTH_PER_K * (disc_c[1:] - 100.0)) / axle.pad_area_mm2
    return BrakeDemand(float(energy.sum()), float(disc_c.max()), float(wear.sum()))


def front_brake_power_w(drive: Drive, mass_kg: float) -> np.ndarray:
    """Mean power at the front discs between each sample and the next, in W, never negative; shape (n − 1,)."""
    return axle_brake_power_w(drive, mass_kg, FRONT, NO_RECUPERATION)


def axle_brake_power_w(drive: Drive, mass_kg: float, axle: Axle, recuperation: Recuperation) -> np.ndarray:
    """Mean power at one axle's discs between each sample and the next, in W, never negative; shape (n − 1,)."""
    speed, seconds = drive.speed_m_s, drive.steps_s
    mean = (speed[1:] + speed[:-1]) / 2
    slowing = np.divide(speed[:-1] - speed[1:], seconds, out=np.zeros_like(mean), where=seconds > 0)
    inertia = mass_kg * ROTATING_MASS * slowing * mean
    road = (mass_kg * GRAVITY_M_S2 * ROLLING_LOSS + AIR_KG_M3 / 2 * DRAG_AREA_M2 * mean**2) * mean
    engine = _engine_drag_w(drive) if recuperation.has_engine_drag else 0.0
    braked = np.where(slowing > 0, np.maximum(inertia - road - engine, 0.0), 0.0)
    if recuperation.power_w > 0:
        ramp = (mean - recuperation.none_below_m_s) / (recuperation.full_from_m_s - recuperation.none_below_m_s)
        braked = np.maximum(braked - recuperation.power_w * np.clip(ramp, 0.0, 1.0), 0.0)
    front: np.ndarray = STATIC_FRONT_SHARE + LOAD_TRANSFER * np.clip(slowing, 0.0, 9.0) / GRAVITY_M_S2
    return (front if axle.is_front else 1.0 - front) * braked


def _engine_drag_w(drive: Drive) -> np.ndarray:
    if ENGINE_SPEED not in drive.columns:
        return np.zeros(len(drive) - 1)
    # Below about 1,100 rpm the clutch is open or the engine idles by itself: it holds nothing back.
    turning = drive.held(ENGINE_SPEED)[1:]
    return np.where(turning > 1_100.0, turning * ENGINE_DRAG_W_PER_RPM, 0.0)


def _disc_temperature_c(drive: Drive, power_w: np.ndarray, disc_heat_j_per_k: float) -> np.ndarray:
    """Disc temperature at each sample, °C: T' = P/C − k(v)·(T − ambient), solved in closed form; shape (n,)."""
    ambient = 18.0
    if AMBIENT in drive.columns and np.any(~np.isnan(drive.columns[AMBIENT])):
        ambient = float(np.nanmean(drive.columns[AMBIENT]))
    standing, per_speed = COOLING_PER_S
    cooled = np.cumsum((standing + per_speed * drive.speed_m_s[1:]) * drive.steps_s)
    heated = np.cumsum(power_w * drive.steps_s / disc_heat_j_per_k * np.exp(np.minimum(cooled, 500.0)))
    rise = heated * np.exp(-np.minimum(cooled, 500.0))
    return ambient + np.concatenate(([0.0], rise))
