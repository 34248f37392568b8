"""The tutorial's service: ``twistd --nodaemon --python shop.py``, as often as you like."""

import msgspec
from twisted.application.service import Application
from twisted.internet import reactor

import txnats
from txnats.services import Hosting, ServiceError

PRICES = {"tea": 2.5, "coffee": 3.0}


class Order(msgspec.Struct):
    item: str
    count: int = 1


def price(request):
    order = request.value
    if order.item not in PRICES:
        raise ServiceError(404, f"no {order.item} here")
    return order.count * PRICES[order.item]


def build(service):
    service.add_endpoint("price", price, request=Order, reply=float)


application = Application("shop")
nats = txnats.NatsService(reactor, "nats://127.0.0.1:4222")
nats.setServiceParent(application)
Hosting(nats.client, build, name="shop", version="1.0.0").setServiceParent(application)
