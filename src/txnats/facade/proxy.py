"""A class of a facade: the names of the original, each call adapted."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Protocol, Self

import msgspec

from ..streams import Stream
from .errors import no_home
from .table import Row


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a call before it is made.

    Attributes:
        name: How errors call it.
        parameters: The names of what may be given by position.
        waits: Whether it gives a Deferred.
        has_timeout: Whether it takes a timeout, or whatever it is given.
    """

    name: str
    parameters: tuple[str, ...] = ()
    waits: bool = False
    has_timeout: bool = True

    @classmethod
    def of(cls, name: str, function: Callable[..., Any], *, skip: int = 0) -> Spec:
        """Of a function; a method's ``self`` is skipped."""
        parameters = list(inspect.signature(function).parameters.values())[skip:]
        positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        return cls(
            name=name,
            parameters=tuple(each.name for each in parameters if each.kind in positional),
            waits=gives_deferred(function),
            has_timeout=any(each.name == "timeout" or each.kind is each.VAR_KEYWORD for each in parameters),
        )


def gives_deferred(function: object) -> bool:
    """Whether a function says that it returns a Deferred."""
    return "Deferred[" in str(getattr(function, "__annotations__", {}).get("return", ""))


class Home(Protocol):
    """Where objects live, a thread or a loop: what they are asked is done there."""

    def call(
        self, spec: Spec, function: Callable[..., Any], arguments: tuple[Any, ...], keywords: Mapping[str, Any]
    ) -> Any:
        """Call a function there, with what is given adapted inward and what comes of it outward."""

    def read(self, inner: object, name: str) -> Any:
        """Read an attribute there."""

    def outward(self, value: Any) -> Any:
        """What a user gets for a value."""

    def send(self, function: Callable[[], object]) -> None:
        """Call something there, soon; from any thread, and nobody waits for it."""


class Offers(Protocol):
    """What a class has to know of its facade.

    Attributes:
        package: What it is called.
        iterable: What its iterators have besides the names of the original: a class of dunder methods.
        enterable: The same, of what can be entered.
    """

    package: str
    iterable: type
    enterable: type

    def leaves_out(self, row: Row, name: str) -> bool:
        """Whether a name of a live class is not offered here."""


class Proxy:
    """An object of a facade, in front of one of the original class."""

    __slots__ = ("__weakref__", "_home", "_inner")

    _facade: ClassVar[Offers]
    _row: ClassVar[Row]
    _home: Home
    _inner: Any

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        if not self._row.made_by_users:
            raise TypeError(f"{type(self).__qualname__} is not called: what gives one says so in its documentation")
        kind = self._row.original()
        home = home_of(arguments, keywords)
        if home is None:
            raise no_home(kind.__name__, self._facade.package)
        made = home.call(Spec.of(kind.__name__, kind.__init__, skip=1), kind, arguments, keywords)
        self._home, self._inner = home, made._inner

    @classmethod
    def _of(cls, home: Home, inner: object) -> Self:
        proxy = object.__new__(cls)
        proxy._home, proxy._inner = home, inner
        return proxy

    def __getattr__(self, name: str) -> Any:
        """What the object itself has, besides what its class says."""
        if name in Proxy.__slots__ or self._facade.leaves_out(self._row, name):
            kind = type(self)
            raise AttributeError(f"{kind.__module__}.{kind.__name__} has no attribute {name!r}", name=name, obj=self)
        return self._home.read(self._inner, name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Proxy) and self._inner is other._inner

    def __hash__(self) -> int:
        return hash(id(self._inner))

    def __repr__(self) -> str:
        return f"<{self._facade.package}: {self._inner!r}>"


def home_of(arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> Home | None:
    """Where the first of the arguments that lives somewhere lives."""
    for each in (*arguments, *keywords.values()):
        if isinstance(each, Proxy):
            return each._home
    return None


def members(row: Row) -> Iterator[tuple[str, Any]]:
    """What a live class has for users: each public name, and what stands in the class for it."""
    seen = set()
    for kind in row.original().__mro__:
        if not kind.__module__.startswith("txnats."):
            continue
        for name, value in vars(kind).items():
            if name not in seen and not row.leaves_out(name):
                seen.add(name)
                yield name, value


def make_class(facade: Offers, row: Row) -> type[Proxy]:
    """The facade's class for an original."""
    original = row.original()
    namespace: dict[str, Any] = {
        "__doc__": original.__doc__,
        "__module__": f"{facade.package}.classes",
        "__slots__": (),
        "_facade": facade,
        "_row": row,
    }
    for name, value in members(row):
        if facade.leaves_out(row, name):
            continue
        made = _member(facade, row, name, value)
        if made is not None:
            namespace[name] = made
    bases: list[type] = []
    if issubclass(original, Stream):
        bases.append(facade.iterable)
    if hasattr(original, "__aenter__"):
        bases.append(facade.enterable)
    return type(row.name, (*bases, Proxy), namespace)


def _member(facade: Offers, row: Row, name: str, value: Any) -> Any:
    where = f"{row.name}.{name}"
    if isinstance(value, (classmethod, staticmethod)):
        return staticmethod(wrap(facade, where, getattr(row.original(), name)))
    if inspect.isfunction(value):
        return _method(Spec.of(where, value, skip=1), name, value)
    if name in row.still:
        return property(lambda proxy: proxy._home.outward(getattr(proxy._inner, name)), doc=value.__doc__)
    if isinstance(value, property) or inspect.isdatadescriptor(value):
        return property(lambda proxy: proxy._home.read(proxy._inner, name), doc=value.__doc__)
    return None


def _method(spec: Spec, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Proxy, /, *arguments: Any, **keywords: Any) -> Any:
        return self._home.call(spec, getattr(self._inner, name), arguments, keywords)

    return like(method, original)


def wrap(facade: Offers, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of the facade, for one that is given the client, or what stands on it."""
    spec = Spec.of(name, function)

    def call(*arguments: Any, **keywords: Any) -> Any:
        home = home_of(arguments, keywords)
        if home is None:
            raise no_home(name, facade.package)
        return home.call(spec, function, arguments, keywords)

    return like(call, function)


def like(made: Callable[..., Any], original: Callable[..., Any], *, skip: int = 0) -> Callable[..., Any]:
    """Look like the original: its name, words and parameters, the first ``skip`` of these left out.

    What it returns is another thing; words of its own are kept.
    """
    made.__name__, made.__qualname__ = original.__name__, original.__qualname__
    made.__doc__ = made.__doc__ or original.__doc__
    signature = inspect.signature(original)
    parameters = list(signature.parameters.values())[skip:]
    shown = signature.replace(parameters=parameters, return_annotation=inspect.Signature.empty)
    made.__signature__ = shown  # type: ignore[attr-defined]
    return made
