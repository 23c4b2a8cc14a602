"""Training of encoders.

A run, `run.train_encoder`, has these phases:

1. `data.TrainingData.read`: read the frames, split them, draw triplets.
2. `learner.Learner`: build the network and its optimiser, and restore them from a checkpoint or pretrain the
   content.
3. `epoch.EpochTrainer`: train an epoch. `sampler.Sampler` arranges the frames in steps, `loss.Loss` is the
   loss of a step.
4. `log.RunLog`: write curves, pictures and checkpoint after each epoch.
5. `results.write_results`: write the encoder and its metrics.
"""

from morphsim.encoder.training.config import TrainingConfig
from morphsim.encoder.training.run import train_encoder

__all__ = ["TrainingConfig", "train_encoder"]
