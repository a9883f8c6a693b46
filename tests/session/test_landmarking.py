"""Landmarks of two scans: they judge a registration, make one, and are kept with the case."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from two_scan_session import Scans, moved, registered, rigid, two_scan_case

from planner.base.errors import InputRefused, InvalidValue
from planner.base.task import Task
from planner.library.case_folder import create_case_folder, open_case_folder
from planner.model.landmarks import LandmarkPair, Landmarks
from planner.model.registration import RMS_OF_90, FitError, Registration
from planner.session.actions import Workbench
from planner.session.following_up import FollowingUp
from planner.session.landmarking import Landmarking
from planner.session.scan_pairs import from_other, make_registration
from planner.session.session import Session

PLACES = [
    (-60.0, 0.0, 30.0),
    (-30.0, -30.0, -15.0),
    (-90.0, 10.0, -20.0),
    (-40.0, 35.0, -10.0),
    (-70.0, -35.0, 10.0),
]


def mark(bench: Workbench, matrix: np.ndarray, noise_mm: float = 0.0, count: int = 5, seed: int = 3) -> None:
    """Click pairs: places of the planning scan, and where a movement brings them, missed by a normal error."""
    rng = np.random.default_rng(seed)
    for place in PLACES[:count]:
        there = moved(np.array([place]), matrix) + rng.normal(0.0, noise_mm, (1, 3))
        lying = bench.following.lying
        assert lying is not None
        x, y, z = from_other(lying, "ct", there)[0]
        bench.landmarking.add(place, (float(x), float(y), float(z)))


def test_landmarks_judge_the_registration(bench: Workbench, scans: Scans) -> None:
    following, matrix = bench.following, scans[2]
    off = np.eye(4)
    off[:3, 3] = (3.0, 0.0, 0.0)
    registered(bench, off @ matrix, error_mm=0.8)
    for n, place in enumerate([(-60.0, 0.0, 10.0), (-30.0, -20.0, -15.0), (-80.0, 10.0, 20.0)]):
        # Where the true partner is seen in the overlay of the registration that is 3 mm off.
        lying = following.lying
        assert lying is not None
        there = moved(np.array([place]), matrix)
        shown = from_other(lying, "ct", there)[0]
        bench.landmarking.add(place, tuple(float(v) for v in shown))  # type: ignore[arg-type]
        assert len(bench.landmarking.landmarks.pairs) == n + 1
    found = following.registration
    assert found is not None
    assert found.error_mm == pytest.approx(3.0, abs=1e-6)
    assert found.error_basis == "3 landmarks"
    assert bench.landmarking.errors_mm == pytest.approx((3.0, 3.0, 3.0), abs=1e-6)
    bench.session.undo()
    assert len(bench.landmarking.landmarks.pairs) == 2, "undo takes the pair away too"
    bench.session.redo()
    for _ in range(3):
        bench.landmarking.remove(0)
    assert following.registration is not None
    assert following.registration.error_mm == 0.8
    assert following.registration.error_basis.startswith("estimated")


def test_landmarks_are_drawn_on_each_scan_where_they_were_clicked(bench: Workbench, scans: Scans) -> None:
    mark(bench, scans[2], count=2)
    assert bench.landmarking.marks_on("ct") == tuple(PLACES[:2])
    there = moved(np.array(PLACES[:2]), scans[2])
    assert np.allclose(bench.landmarking.marks_on("after"), there)
    assert bench.landmarking.marks_on("elsewhere") == ()
    bench.landmarking.show(False)
    assert bench.landmarking.marks_on("ct") == bench.landmarking.marks_on("after") == ()
    bench.landmarking.show(True)
    bench.following.switch(False)
    assert bench.landmarking.marks_on("ct") == ()


def test_few_landmarks_do_not_lower_an_error(bench: Workbench, scans: Scans) -> None:
    registered(bench, scans[2], error_mm=0.8)
    bench.landmarking.add((-60.0, 0.0, 10.0), (-60.0, 0.0, 10.0))
    found = bench.following.registration
    assert found is not None
    assert found.error_mm == 0.8, "one pair that fits by chance says little"
    assert bench.landmarking.errors_mm == pytest.approx((0.0,), abs=1e-9)


def test_a_correction_keeps_being_judged_by_landmarks(bench: Workbench, scans: Scans) -> None:
    following = bench.following
    registered(bench, scans[2], error_mm=None)
    for place in ((-60.0, 0.0, 10.0), (-30.0, -20.0, -15.0), (-80.0, 10.0, 20.0)):
        bench.landmarking.add(place, place)
    following.correct((0.0, 2.0, 0.0, 0.0, 0.0, 0.0))
    assert following.registration is not None
    assert following.registration.error_mm == pytest.approx(2.0, abs=1e-6)


# fitting -----------------------------------------------------------------------------------------


def test_three_pairs_make_a_registration_that_no_one_judges_yet(bench: Workbench, scans: Scans) -> None:
    marking = bench.landmarking
    assert "there are 0" in marking.why_not_fit()
    mark(bench, scans[2], count=2)
    assert "there are 2" in marking.why_not_fit()
    with pytest.raises(InvalidValue, match="three or more"):
        marking.fit()
    mark(bench, scans[2], count=1)  # the first place again: all on one line
    with pytest.raises(InvalidValue, match="on one line"):
        marking.fit()
    marking.remove(2)
    for place in PLACES[3:4]:
        there = moved(np.array([place]), scans[2])
        x, y, z = from_other(bench.following.lying, "ct", there)[0]  # type: ignore[arg-type]
        marking.add(place, (float(x), float(y), float(z)))
    assert marking.why_not_fit() == ""
    marking.fit()
    found = bench.following.registration
    assert found is not None
    assert np.allclose(found.rigid, scans[2], atol=1e-9)
    assert found.error_mm is None, "what is left at three fitted landmarks flatters"
    assert "needs a fourth" in bench.following.error_words
    assert "mark landmarks" in bench.achieving.why_not() or bench.achieving.why_not().startswith(
        "There is no"
    )


def test_a_fit_is_judged_by_leaving_each_landmark_out(bench: Workbench, scans: Scans) -> None:
    mark(bench, scans[2], noise_mm=2.0)
    marks = bench.landmarking.landmarks
    assert bench.landmarking.left_out_mm[0] is not None
    bench.landmarking.fit()
    assert bench.session.undo_label == "Fit to landmarks"
    found = bench.following.registration
    assert found is not None
    assert found.method == "rigid, fitted to landmarks"
    # By hand: the fit to four, measured at the fifth.
    left = []
    for n in range(len(PLACES)):
        one = marks.from_lps_mm[np.arange(5) != n]
        two = marks.to_lps_mm[np.arange(5) != n]
        a, b = one - one.mean(axis=0), two - two.mean(axis=0)
        u, _, v = np.linalg.svd(b.T @ a)
        turn = u @ np.diag([1.0, 1.0, np.linalg.det(u @ v)]) @ v
        there = two.mean(axis=0) + turn @ (marks.from_lps_mm[n] - one.mean(axis=0))
        left.append(float(np.linalg.norm(there - marks.to_lps_mm[n])))
    assert found.error_mm == pytest.approx(np.sqrt(np.mean(np.square(left))), rel=1e-9)
    assert found.within_90_mm == pytest.approx(RMS_OF_90 * found.error_mm)
    fitted = np.sqrt(np.mean(np.square(bench.landmarking.errors_mm)))
    assert fitted < found.error_mm, "the fitted landmarks flatter"
    assert f"{fitted:.1f} mm at the fitted landmarks" in found.error_basis
    bench.session.undo()
    assert bench.following.registration is not None
    assert bench.following.registration.method == "as the scanner placed them"


def test_left_out_errors_are_those_of_new_places_on_the_mean() -> None:
    """What is said of a fit is no less than its error at 200 other places, on the mean of 60 noisy fits."""
    from planner.compute.landmark_fit import fitted_to_landmarks, landmark_errors_mm, rms

    matrix = rigid()
    true = Registration("ct", "after", matrix)
    rng = np.random.default_rng(11)
    targets = rng.uniform(-60, 60, (200, 3))
    said, at_marks, at_targets = [], [], []
    for _ in range(60):
        start = rng.uniform(-60, 60, (6, 3))
        stop = moved(start, matrix) + rng.normal(0, 1.5, (6, 3))
        pairs = tuple(LandmarkPair(tuple(a), tuple(b)) for a, b in zip(start, stop, strict=True))
        marks = Landmarks("ct", "after", pairs)
        found = fitted_to_landmarks(true, marks)
        assert found.error_mm is not None
        said.append(found.error_mm)
        at_marks.append(rms(landmark_errors_mm(found, marks)))
        at_targets.append(rms(np.linalg.norm(found.map_points(targets) - moved(targets, matrix), axis=1)))
    assert np.mean(said) > np.mean(at_targets)
    assert np.mean(said) < 3.0 * np.mean(at_targets)
    assert np.mean(said) > 1.5 * np.mean(at_marks), "what is left at fitted landmarks flatters"


def test_a_pair_without_which_no_fit_is_determined_says_nothing() -> None:
    from planner.compute.landmark_fit import fitted_to_landmarks, left_out_errors_mm

    line = [(0.0, 0.0, 0.0), (20.0, 0.0, 0.0), (50.0, 0.0, 0.0), (90.0, 0.5, 0.0), (10.0, 40.0, 0.0)]
    marks = Landmarks("ct", "after", tuple(LandmarkPair(p, p) for p in line))
    errors = left_out_errors_mm(marks)
    assert np.isnan(errors[4]), "the others lie on one line"
    assert np.allclose(errors[:4], 0.0, atol=1e-9)
    found = fitted_to_landmarks(Registration("ct", "after", np.eye(4)), marks)
    assert "4 of 5 landmarks" in found.error_basis
    fewer = Landmarks("ct", "after", marks.pairs[1:])
    assert fitted_to_landmarks(Registration("ct", "after", np.eye(4)), fewer).error_mm is None


def test_a_fit_stays_judged_by_leaving_out_as_landmarks_change(bench: Workbench, scans: Scans) -> None:
    mark(bench, scans[2], noise_mm=1.0)
    bench.landmarking.fit()
    bench.landmarking.remove(4)
    found = bench.following.registration
    assert found is not None
    assert "each of 4 landmarks left out" in found.error_basis
    bench.landmarking.remove(3)
    assert bench.following.registration.error_mm is None  # type: ignore[union-attr]
    bench.session.undo()
    bench.following.correct((0.0, 8.0, 0.0, 0.0, 0.0, 0.0))
    found = bench.following.registration
    assert found is not None
    assert found.error_mm == pytest.approx(8.0, abs=2.0), "moved by hand: its landmarks judge it again"


def test_a_local_registration_starts_from_the_fit(
    bench: Workbench, scans: Scans, monkeypatch: pytest.MonkeyPatch
) -> None:
    import planner.compute.local_deformation as local

    mark(bench, scans[2], noise_mm=0.5)
    bench.landmarking.fit()
    fit = bench.following.registration
    seen = []
    monkeypatch.setattr(local, "register_local", lambda a, b, start, *_, **__: seen.append(start) or start)
    pair = bench.following.pair
    assert pair is not None
    make_registration(pair, True, Task())
    assert fit is not None
    assert np.array_equal(seen[0].rigid, fit.rigid)


# keeping -----------------------------------------------------------------------------------------


def test_landmarks_are_kept_with_the_case_and_known_again(scans: Scans, tmp_path: Path) -> None:
    case, _ = two_scan_case(scans)
    create_case_folder(case, tmp_path / "case")
    session = Session()
    session.open_folder(tmp_path / "case")
    bench = Workbench(session)
    bench.following.switch(True)
    registered(bench, scans[2], error_mm=0.8)
    mark(bench, scans[2], noise_mm=2.0)
    marks, errors = bench.landmarking.landmarks, bench.landmarking.errors_mm
    found = bench.following.registration
    assert found is not None
    session.close()

    again = Session()
    again.open_folder(tmp_path / "case")
    following = FollowingUp(again)
    marking = Landmarking(following)
    assert marking.landmarks == marks
    assert marking.errors_mm == errors
    kept = following.registration
    assert kept is not None
    assert (kept.error_mm, kept.error_basis) == (found.error_mm, "5 landmarks")
    for _ in range(5):
        marking.remove(0)
    assert following.registration is not None
    assert following.registration.error_mm == 0.8, "what the scans themselves said is known again"
    again.undo()
    assert len(marking.landmarks.pairs) == 1
    again.close()
    assert len(open_case_folder(tmp_path / "case").landmarks_of("ct", "after").pairs) == 1


def test_landmarks_are_read_from_the_other_scan_too() -> None:
    marks = Landmarks("a", "b", (LandmarkPair((1.0, 2.0, 3.0), (4.0, 5.0, 6.0)),))
    back = marks.starting("b")
    assert back.pairs == (LandmarkPair((4.0, 5.0, 6.0), (1.0, 2.0, 3.0)),)
    assert back.starting("a") == marks
    with pytest.raises(InvalidValue, match="of other scans"):
        marks.starting("c")
    with pytest.raises(InvalidValue, match="of two scans"):
        Landmarks("a", "a")
    with pytest.raises(InvalidValue, match="finite"):
        LandmarkPair((0.0, 0.0, float("nan")), (0.0, 0.0, 0.0))


def test_a_case_keeps_one_record_of_landmarks_for_two_images(scans: Scans) -> None:
    case, _ = two_scan_case(scans)
    one = Landmarks("ct", "after", (LandmarkPair((0.0, 0.0, 0.0), (1.0, 0.0, 0.0)),))
    two = Landmarks("after", "ct", (LandmarkPair((2.0, 0.0, 0.0), (3.0, 0.0, 0.0)),))
    kept = case.with_landmarks(one).with_landmarks(two)
    assert kept.landmarks == (two,)
    assert kept.landmarks_of("ct", "after") == two.starting("ct")
    assert kept.with_landmarks(Landmarks("ct", "after")).landmarks == ()
    with pytest.raises(InvalidValue, match="one record of landmarks"):
        case.with_landmarks(Landmarks("ct", "elsewhere", one.pairs))


def test_a_case_of_the_second_version_still_loads(scans: Scans, tmp_path: Path) -> None:
    case, _ = two_scan_case(scans)
    estimated = Registration("ct", "after", scans[2]).estimated(
        FitError.of_rms(0.7, "estimated from 9 blocks")
    )
    create_case_folder(case.with_registration(estimated), tmp_path / "case")
    path = tmp_path / "case" / "case.json"
    document = json.loads(path.read_text())
    document["version"] = 2
    del document["landmarks"], document["registrations"][0]["document"]["estimate"]
    path.write_text(json.dumps(document))
    found = open_case_folder(tmp_path / "case")
    assert found.landmarks == ()
    assert found.registrations[0].estimate == estimated.estimate
    document["registrations"][0]["document"]["error_basis"] = "4 landmarks"
    path.write_text(json.dumps(document))
    assert open_case_folder(tmp_path / "case").registrations[0].estimate is None, "landmarks measured it"
    document |= {"landmarks": [{"from_image": "ct", "to_image": "after", "pairs": [[[0, 0], [1, 1, 1]]]}]}
    path.write_text(json.dumps(document))
    with pytest.raises(InputRefused, match="field of the case file is wrong"):
        open_case_folder(tmp_path / "case")
