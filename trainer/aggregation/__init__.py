"""The aggregator: subregion templates, patient-level cohorts, training."""
