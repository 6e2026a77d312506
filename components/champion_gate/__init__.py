from components.champion_gate.component import ChampionGate

__all__ = ["ChampionGate"]
