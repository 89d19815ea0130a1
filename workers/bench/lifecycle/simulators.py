"""The simulators as a process of the bench: the carrier hums what it would say, so that no speech model is loaded."""

import uvloop

from firstline.simulators.twilio_exchange import hum
from firstline.telemetry import configure_logs
from workers.processes import simulators
from workers.wiring_settings import load_settings

if __name__ == "__main__":
    configure_logs(json=False)
    uvloop.run(simulators.run(load_settings(), hum))
