"""Users for locust: each publishes, waits for the end of that message, and publishes the next one.

A message of QoS 0 has ended when it is written, the others when they are acknowledged. Without that
wait messages would pile up in the client, and its cost be that of messages which nobody gets.
"""

import itertools

import gevent
from locust import events, task
from locust.contrib.mqtt import MqttUser

NUMBERS = itertools.count()


@events.init_command_line_parser.add_listener
def arguments(parser):
    parser.add_argument("--mqtt-port", type=int, required=True)
    parser.add_argument("--qos", type=int, default=0)
    parser.add_argument("--payload", type=int, default=200)


class Publisher(MqttUser):
    host = "127.0.0.1"

    def __init__(self, environment):
        options = environment.parsed_options
        self.port = options.mqtt_port
        self.qos = options.qos
        self.payload = b"x" * options.payload
        self.topic = f"bench/{next(NUMBERS):07}/telemetry"
        super().__init__(environment)

    def on_start(self):
        while not self.client.is_connected():
            gevent.sleep(0.01)

    @task
    def publish(self):
        self.client.publish(self.topic, self.payload, qos=self.qos).wait_for_publish()
