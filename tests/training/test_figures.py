"""Pictures of a validation case, looked at in their pixels."""

import numpy as np

from ramify.drawing.colours import AGREEING, BACKDROP, EXTRA, MISSED, PREDICTION
from ramify.training.figures import LEAST_PIXELS, task_panels


def test_each_panel_shows_its_colours_at_their_places():
    image = np.linspace(0, 1, 16).reshape(4, 4)
    truth, probabilities = np.zeros((1, 4, 4), bool), np.zeros((1, 4, 4))
    truth[0, 0, :2] = True
    probabilities[0, 0, 1:3] = 1.0
    picture = task_panels(image, truth, probabilities, (1.0, 1.0))
    assert picture.dtype == np.float32
    assert picture.shape == (3, LEAST_PIXELS + 2, 4 * (LEAST_PIXELS + 2))

    def pixel(panel: int, row: int, column: int) -> tuple[int, ...]:
        step = LEAST_PIXELS // 4
        y, x = step * row + step // 2, panel * (LEAST_PIXELS + 2) + step * column + step // 2
        return tuple(np.round(picture[:, y, x] * 255).astype(int).tolist())

    assert [pixel(1, 0, column) for column in range(3)] == [PREDICTION, PREDICTION, BACKDROP]
    assert [pixel(2, 0, column) for column in range(3)] == [BACKDROP, PREDICTION, PREDICTION]
    assert [pixel(3, 0, column) for column in range(4)] == [MISSED, AGREEING, EXTRA, BACKDROP]
