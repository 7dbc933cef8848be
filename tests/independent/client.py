"""An MQTT client that shares no code with midge: Eclipse Paho, driven by JSON lines.

Each line of standard input is a step, each line of standard output what came of it:

    {"do": "connect", "port": 1883, "client_id": ""}
    {"do": "subscribe", "filter": "a/#", "qos": 0}            {"granted": 0}
    {"do": "publish", "topic": "a/b", "payload": "", "qos": 0}
    {"do": "next"}                                            {"message": {...} or null}
    {"do": "fence"}           what was sent to it before has arrived when this returns
    {"do": "waiting"}                                         {"messages": [...]}

Not here: what is sent, and what should come back.
"""

import json
import queue
import socket
import sys

import paho.mqtt.client as mqtt

# Only a failure waits so long.
PATIENCE_S = 30


class Client:
    def __init__(self):
        self.messages = queue.Queue()
        self.answers = queue.Queue()
        self.client = None

    def connect(self, port, client_id):
        client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=mqtt.MQTTv311,
        )
        client.on_socket_open = lambda _c, _u, sock: sock.setsockopt(
            socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
        )
        client.on_connect = lambda _c, _u, _f, reason, _p: self.answers.put(reason.value)
        client.on_subscribe = lambda _c, _u, _m, reasons, _p: self.answers.put(
            reasons[0].value
        )
        client.on_message = lambda _c, _u, message: self.messages.put(message)
        client.connect("127.0.0.1", port)
        client.loop_start()
        self.client = client
        code = self.answers.get(timeout=PATIENCE_S)
        if code != 0:
            raise RuntimeError(f"CONNECT was refused: {code}")
        return {}

    def subscribe(self, filter, qos):
        self.client.subscribe(filter, qos)
        return {"granted": self.answers.get(timeout=PATIENCE_S)}

    def publish(self, topic, payload, qos):
        sent = self.client.publish(topic, payload.encode(), qos)
        sent.wait_for_publish(PATIENCE_S)
        if not sent.is_published():
            raise RuntimeError(f"PUBLISH on {topic} was not acknowledged")
        return {}

    def fence(self):
        # With QoS 2 there are two ways back and forth: one for a message of QoS 2 that was on its
        # way to be released, one for its release.
        return self.publish("fence", "", 2)

    def next(self):
        try:
            return {"message": told(self.messages.get(timeout=PATIENCE_S))}
        except queue.Empty:
            return {"message": None}

    def waiting(self):
        messages = []
        while not self.messages.empty():
            messages.append(told(self.messages.get()))
        return {"messages": messages}


def told(message):
    return {
        "topic": message.topic,
        "payload": message.payload.decode(),
        "qos": message.qos,
        "retain": bool(message.retain),
    }


def main():
    client = Client()
    for line in sys.stdin:
        step = json.loads(line)
        answer = getattr(client, step.pop("do"))(**step)
        print(json.dumps(answer), flush=True)


main()
