from components.data_gate.component import DataGate

__all__ = ["DataGate"]
