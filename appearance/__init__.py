"""How an anatomy looks in a CT: intensities, contrast, scanner and noise drawn anew for each sample of a training."""

from typing import TYPE_CHECKING

from ramify.public_names import loaded_when_asked_for

if TYPE_CHECKING:
    from ramify.appearance.appearance import Appearance, draw_appearance, paint
    from ramify.appearance.settings import AppearanceSettings
else:
    __getattr__, __dir__ = loaded_when_asked_for(__name__)

__all__ = ["Appearance", "AppearanceSettings", "draw_appearance", "paint"]
