"""Devices that share no code with midge: Eclipse Paho on any broker, as all of Enapter's at once.

    device.py PORT [REFUSED_POWER]

Answers every command as the vendor's library does: a log, then its completion, or an error where
the power that it asks for is above REFUSED_POWER. Says {"ready": true} when it has subscribed. At
the end of its input it says what it has counted. Not here: telemetry.
"""

import json
import queue
import sys

import paho.mqtt.client as mqtt

PORT = int(sys.argv[1])
REFUSED_POWER = int(sys.argv[2]) if len(sys.argv) > 2 else None

counts = {"completed": 0, "error": 0, "ids": 0}
ids = set()
ready = queue.Queue()


def carry_out(client, _userdata, message):
    command = json.loads(message.payload)
    ids.add(command["id"])
    # v1/to/{hardware}/{channel}/v1/command/requests
    _, _, hardware, channel, *_ = message.topic.split("/")
    responses = f"v1/from/{hardware}/{channel}/v1/command/responses"

    def respond(state, payload):
        body = {"id": command["id"], "state": state, "payload": payload}
        client.publish(responses, json.dumps(body), message.qos)

    respond("log", {"message": "Executing command..."})
    if REFUSED_POWER is not None and command["arguments"]["power"] > REFUSED_POWER:
        counts["error"] += 1
        respond("error", {"message": "Too much"})
    else:
        counts["completed"] += 1
        respond("completed", {"result": None})


client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
client.on_connect = lambda c, *_: c.subscribe("v1/to/+/+/v1/command/requests", 2)
client.on_subscribe = lambda *_: ready.put(True)
client.on_message = carry_out
client.connect("127.0.0.1", PORT)
client.loop_start()
ready.get(timeout=30)
print(json.dumps({"ready": True}), flush=True)
sys.stdin.read()
counts["ids"] = len(ids)
print(json.dumps(counts), flush=True)
