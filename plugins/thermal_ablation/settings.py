"""What a user can set about the judgement of a thermal ablation."""

from __future__ import annotations

from dataclasses import dataclass

from planner.planning.placements import PLACEMENTS
from planner.plugin.settings import option

#: What only a simulation asks for, and what only the paths' map asks for.
SIMULATION = "Simulation (expert)"
PATHS = "Paths (expert)"


@dataclass(frozen=True)
class Settings:
    """Rules and limits; the defaults are the planner's."""

    judged_as: str = option(
        "planned",
        "Planned margins aim at 10 mm; achieved ones (scan after treatment) are judged by 5 mm.",
        choices=("planned", "achieved"),
        is_of_case=True,
    )
    planned_rule: str = option(
        "chance",
        "Judge a planned margin by the chance of achieving 5 mm, or by a margin to aim at.",
        choices=("chance", "aim"),
    )
    chance_target_percent: float = option(90.0, "Chance of 5 mm all round to aim at.", "%", 0.0, 100.0)
    placement: str = option("navigated", "How needles are placed.", choices=tuple(PLACEMENTS))
    zone_spread_percent: float = option(
        10.0, "Spread of a zone's axes where its device publishes none.", "%", 0.0, 50.0
    )
    robustness_samples: int = option(1000, "Samples for the chances; 0 leaves them out.", "", 0, 20000)
    seed: int = option(1, "Seed of the samples: the same seed gives the same numbers.", "", 0, 1000000)
    planned_margin_mm: float = option(
        10.0, "Margin a plan aims at, where it is judged by one.", "mm", 0.0, 30.0
    )
    achieved_margin_mm: float = option(5.0, "Margin a treated lesion should have.", "mm", 0.0, 30.0)
    exclude_capsule: bool = option(True, "Judge the margin without the part of the surface at the capsule.")
    capsule_distance_mm: float = option(
        5.0, "Lesion surface nearer to the liver's surface than this is the capsule part.", "mm", 0.0, 20.0
    )
    allow_ex_vivo: bool = option(
        False, "Use zones measured ex vivo or in phantoms where no better ones are known."
    )
    vessel_crossing: str = option(
        "warning", "Crossing a vessel of 3 mm or more.", choices=("warning", "stop")
    )
    lung_crossing: str = option("warning", "Crossing lung or pleura.", choices=("warning", "stop"))
    organ_distance_mm: float = option(
        5.0, "Bowel, stomach and gallbladder should be so far from the zone.", "mm", 0.0, 30.0
    )
    duct_distance_mm: float = option(
        10.0, "Central bile ducts should be so far from the zone.", "mm", 0.0, 30.0
    )
    heart_distance_mm: float = option(5.0, "The heart should be so far from the zone.", "mm", 0.0, 30.0)
    sink_distance_mm: float = option(
        5.0, "Vessels of 3 mm or more within this distance of the lesion may cool it.", "mm", 0.0, 20.0
    )
    parenchyma_mm: float = option(
        10.0, "Liver to pass before a lesion at the capsule is reached.", "mm", 0.0, 50.0
    )
    bone_clearance_mm: float = option(
        2.0, "Paths nearer to bone than this are refused.", "mm", 0.0, 20.0, drawer=PATHS
    )
    organ_clearance_mm: float = option(
        2.0, "Paths nearer to bowel, stomach and other organs are refused.", "mm", 0.0, 30.0, drawer=PATHS
    )
    vessel_clearance_mm: float = option(
        0.0, "Paths nearer to a vessel of 3 mm or more are refused.", "mm", 0.0, 20.0, drawer=PATHS
    )
    steepest_tilt_deg: float = option(
        45.0, "Steepest tilt of a needle out of the axial plane.", "°", 0.0, 90.0, drawer=PATHS
    )
    gantry_from_deg: float = option(
        -180.0, "The gantry lets needles in from this in-plane angle", "°", -180.0, 180.0, drawer=PATHS
    )
    gantry_to_deg: float = option(
        180.0, "up to this one; -180 to 180 is all round.", "°", -180.0, 180.0, drawer=PATHS
    )
    is_patient_on_back: bool = option(
        True,
        "The patient lies on the back: skin on the table is out of reach.",
        drawer=PATHS,
        is_of_case=True,
    )
    simulation_voxel_mm: float = option(
        1.0, "Size of a voxel of the simulation.", "mm", 0.5, 2.0, drawer=SIMULATION
    )
    death_model: str = option(
        "arrhenius",
        "What kills in a simulation of heat; the models differ by a factor of 25 in time.",
        choices=("arrhenius", "cem43", "three_state", "isotherm"),
        drawer=SIMULATION,
    )
    liver_perfusion_per_s: float = option(
        0.0064, "Blood through a volume of liver, for simulations.", "1/s", 0.0, 0.03, drawer=SIMULATION
    )
    vessel_flow: bool = option(
        True,
        "Blood flows in wide vessels and cools (no: Pringle manoeuvre, balloon).",
        drawer=SIMULATION,
        is_of_case=True,
    )
    needles_in_turn: bool = option(
        False, "Simulate needles one after the other instead of together.", drawer=SIMULATION
    )
    rf_control: str = option(
        "device",
        "How radiofrequency is controlled: as the device does, or by a rule.",
        choices=("device", "power", "temperature", "impedance"),
        drawer=SIMULATION,
    )
    rf_power_w: float = option(
        100.0,
        "Power of radiofrequency under constant power, and the most otherwise.",
        "W",
        1.0,
        300.0,
        drawer=SIMULATION,
    )
    rf_electrodes: str = option(
        "switching",
        "How several electrodes work: in turns of 30 s, all at once, or in pairs.",
        choices=("switching", "together", "bipolar"),
        drawer=SIMULATION,
    )
    freeze_cycles: int = option(
        2, "Freezes of a cryoablation, with thaws between them.", "", 1, 4, drawer=SIMULATION
    )
    thaw_s: float = option(300.0, "Passive thaw between two freezes.", "s", 1.0, 1800.0, drawer=SIMULATION)
    lethal_cold_degc: float = option(
        -40.0, "Simulated tissue dies at this temperature or below.", "°C", -60.0, -1.0, drawer=SIMULATION
    )
