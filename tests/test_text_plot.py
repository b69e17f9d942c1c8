import numpy as np

from unfazed.report.text_plot import curve


def test_a_rising_line_fills_the_canvas_from_corner_to_corner() -> None:
    lines = curve([0, 1], [0, 1], 10, 5)
    assert len(lines) == 5 and {len(line) for line in lines} == {10}
    assert lines[0][-1] != " " and lines[-1][0] != " "
    assert lines[0][0] == " " and lines[-1][-1] == " "


def test_the_line_has_no_gaps() -> None:
    x = np.linspace(0, 1, 50)
    columns = zip(*curve(x, np.where(x < 0.5, 0, 5), 20, 6), strict=True)
    assert all(set(column) != {" "} for column in columns)


def test_points_that_are_no_numbers_at_the_end_leave_room_blank() -> None:
    lines = curve([0, 1, 2, 3, 4], [1, 2, 3, np.nan, np.nan], 20, 4)
    assert all(line[11:].isspace() for line in lines)
    assert lines[0].strip() and lines[-1].strip()


def test_a_level_line_is_one_line() -> None:
    assert sum(bool(line.strip()) for line in curve([0, 1], [2, 2], 10, 4)) == 1
