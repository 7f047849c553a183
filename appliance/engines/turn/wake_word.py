"""Wake words: microWakeWord's small models (https://github.com/kahrendt/microWakeWord), run over the last seconds anew.

Their own state would tie a stream to one worker; two seconds take 3 ms a word, so they are heard again each time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appliance.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class WakeWords:
    """Those that there are: files that describe their models, by name. A model is loaded when first asked for."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files
        self._models: dict[str, Any] = {}

    def said(self, names: Sequence[str], pcm: bytes) -> str | None:
        """The first of these that was said in mono 16-bit samples at `STT_RATE`. Raises `NotFound`."""
        from pymicro_wakeword import MicroWakeWordFeatures

        models = [(name, self._model(name)) for name in names]
        for _, model in models:
            model.reset()
        for features in MicroWakeWordFeatures().process_streaming(pcm):
            for name, model in models:
                if model.process_streaming(features):
                    return name
        return None

    def _model(self, name: str) -> Any:
        if name not in self._models:
            if name not in self._files:
                known = ", ".join(self._files) or "none"
                raise NotFound(f"There is no wake word {name[:80]!r}; there are {known}.", param="names")
            from pymicro_wakeword import MicroWakeWord

            self._models[name] = MicroWakeWord.from_config(self._files[name])
        return self._models[name]
