"""A tenant that shares no code with midge: Eclipse Paho on any broker, as one of Kaa's kp1.

    answerer.py PORT [REFUSED]

Answers every request that has an ID with {} on .../status, or, where its topic contains REFUSED,
with an error on .../error. Says {"ready": true} when it has subscribed. At the end of its input it
says what it has counted. Not here: what a payload means.
"""

import json
import queue
import sys

import paho.mqtt.client as mqtt

PORT = int(sys.argv[1])
REFUSED = sys.argv[2] if len(sys.argv) > 2 else None
ERROR = json.dumps({"statusCode": 403, "reasonPhrase": "Not this one"})

counts = {"ok": 0, "error": 0, "own": 0, "without_id": 0}
ready = queue.Queue()


def answer(client, _userdata, message):
    topic = message.topic
    last = topic.rsplit("/", 1)[1]
    if last in ("status", "error"):
        # A broker brings our own answers back to us.
        counts["own"] += 1
    elif not last.isdigit():
        counts["without_id"] += 1
    elif REFUSED and REFUSED in topic:
        counts["error"] += 1
        client.publish(topic + "/error", ERROR, message.qos)
    else:
        counts["ok"] += 1
        client.publish(topic + "/status", "{}", message.qos)


client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
client.on_connect = lambda c, *_: c.subscribe("kp1/+/+/+/#", 2)
client.on_subscribe = lambda *_: ready.put(True)
client.on_message = answer
client.connect("127.0.0.1", PORT)
client.loop_start()
ready.get(timeout=30)
print(json.dumps({"ready": True}), flush=True)
sys.stdin.read()
print(json.dumps(counts), flush=True)
