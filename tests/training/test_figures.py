"""Pictures of a validation case, looked at in their pixels."""

import numpy as np

from ramify.drawing.colours import AGREEING, BACKDROP, EXTRA, MISSED, PREDICTION, class_colours, scale_colours
from ramify.tasks.class_table import ClassTable
from ramify.tasks.formulation import Tasks
from ramify.training.figures import LEAST_PIXELS, Row, rows_of, task_panels


def test_each_panel_shows_its_colours_at_their_places_between_names_and_a_legend():
    image = np.linspace(0, 1, 16).reshape(4, 4)
    truth, probabilities = np.zeros((2, 4, 4), bool), np.zeros((2, 4, 4))
    truth[:, 0, :2] = True
    probabilities[:, 0, 1:3] = 1.0
    small = scale_colours(3)[0]
    picture = task_panels(image, truth, probabilities, (1.0, 1.0), [Row("vessels", PREDICTION), Row("small", small)])
    assert picture.dtype == np.float32
    side = LEAST_PIXELS + 2
    left, line = picture.shape[2] - 4 * side, (picture.shape[1] - 2 * side) // 2
    assert left > 0

    def pixel(panel: int, row: int, column: int, mask: int) -> tuple[int, ...]:
        step = LEAST_PIXELS // 4
        y, x = line + mask * side + step * row + step // 2, left + panel * side + step * column + step // 2
        return tuple(np.round(picture[:, y, x] * 255).astype(int).tolist())

    for mask, colour in enumerate((PREDICTION, small)):
        assert [pixel(1, 0, column, mask) for column in range(3)] == [colour, colour, BACKDROP]
        assert [pixel(2, 0, column, mask) for column in range(3)] == [BACKDROP, colour, colour]
        assert [pixel(3, 0, column, mask) for column in range(4)] == [MISSED, AGREEING, EXTRA, BACKDROP]

    def colours_in(part: np.ndarray) -> set[tuple[int, ...]]:
        return {tuple(row) for row in np.round(part.reshape(3, -1).T * 255).astype(int).tolist()}

    assert PREDICTION in colours_in(picture[:, :line, left + side :])  # names of columns
    assert small in colours_in(picture[:, line + side : line + 2 * side, :left])  # of a row, in its colour
    assert {AGREEING, MISSED, EXTRA} <= colours_in(picture[:, -line:])  # what the errors' colours mean


def test_rows_have_the_names_and_colours_of_what_they_show():
    scales = [Row(name, colour) for name, colour in zip(("small", "medium", "large"), scale_colours(3), strict=True)]
    assert rows_of(Tasks("vessels", "scales", 3)) == [Row("vessels", PREDICTION), *scales]
    assert rows_of(Tasks("scales", "none", 3)) == [Row("vessels", PREDICTION), *scales]
    table = ClassTable.model_validate(
        {
            "classes": {"portal": 1, "hepatic": 2},
            "regions": {"liver vessels": ["portal", "hepatic"], "outflow": "hepatic"},
        }
    )
    portal, hepatic = class_colours(2)
    classes = rows_of(Tasks("classes", "class_scales", 2, table))
    assert classes[1:3] == [Row("portal", portal), Row("hepatic", hepatic)]
    assert classes[3] == Row("portal scale 1", scale_colours(2)[0])
    regions = rows_of(Tasks("regions", "none", 2, table))
    assert regions[1:] == [Row("liver vessels", PREDICTION), Row("outflow", hepatic)]
    assert len(classes) == len(Tasks("classes", "class_scales", 2, table).masks)
