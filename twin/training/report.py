"""The report of an evaluation."""

from twin.models import StageReport
from twin.verdict import Verdict


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


def verify_gain(report: EvaluationReport) -> Verdict:
    """Whether the adapter predicts held-out text better than its base; training goes on either way."""
    samples = f"{report.samples} sample{'s' * (report.samples != 1)}"
    problems = []
    if report.split == "train":
        problems.append("nothing is held out, so it is not known whether the adapter helps: add links with more text")
    elif report.gain <= 0:
        problems.append(
            f"the adapter does not lower the loss on held-out text ({report.base_loss:.3f} -> "
            f"{report.adapter_loss:.3f} nats per token, {samples}): add more text, or lower the learning rate"
        )
    return Verdict({"gain": report.gain, "samples": report.samples, "split": report.split}, problems)
