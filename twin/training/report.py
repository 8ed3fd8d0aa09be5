"""The report of an evaluation."""

from twin.models import StageReport


class EvaluationReport(StageReport):
    """Loss of base and adapter on the author's words. `written` is 0 if a stored evaluation was reused.

    A loss is the mean over the completion's tokens, its end-of-turn token included, in nats. Bits per byte divide the
    same sum by the UTF-8 bytes of the outputs, so they can be compared between tokenizers.
    """

    split: str  # the split measured on; "train" if nothing is held out, see `note`
    samples: int
    tokens: int
    base_loss: float
    adapter_loss: float
    base_bits_per_byte: float
    adapter_bits_per_byte: float
    gain: float  # base_loss - adapter_loss: positive if the adapter helps
    prompt: str  # one instruction, and how both models continue it
    base_text: str
    adapter_text: str
    note: str = ""
