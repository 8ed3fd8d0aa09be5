"""The report of an evaluation."""

from pydantic import Field

from twin.models import StageReport
from twin.verdict import Verdict


class EvaluationReport(StageReport):
    """Loss of base and adapter on the author's words. `written` is 0 if a stored evaluation was reused.

    A loss is the mean over the completion's tokens, its end-of-turn token included, in nats. Bits per byte divide the
    same sum by the UTF-8 bytes of the outputs, so they can be compared between tokenizers.
    """

    split: str = Field(description='the samples it was measured on; "train" if nothing is held out, see note')
    samples: int = Field(description="number of these samples")
    tokens: int = Field(description="tokens of their outputs, end-of-turn tokens included")
    base_loss: float = Field(description="mean loss of the base model in nats per token")
    adapter_loss: float = Field(description="the same with the adapter")
    base_bits_per_byte: float = Field(description="loss of the base model in bits for each byte of the outputs")
    adapter_bits_per_byte: float = Field(description="the same with the adapter")
    gain: float = Field(description="base_loss minus adapter_loss: above 0, the adapter helps")
    prompt: str = Field(description="one instruction")
    base_text: str = Field(description="how the base model continues it")
    adapter_text: str = Field(description="how the adapter continues it")
    note: str = Field(default="", description="why the numbers say little, if so")


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
