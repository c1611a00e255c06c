"""Who is who: series that cannot be trusted to belong to one person are left out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from trainer.cohort.findings import Finding, PatientKey, found
from trainer.cohort.grouping import Group
from trainer.cohort.instance import Person

_PLACEHOLDERS = frozenset(
    {"anon", "anonym", "anonymous", "anonymized", "anonymised", "deidentified", "pseudonym"}
)
_PLACEHOLDERS |= {
    "phantom",
    "test",
    "unknown",
    "patient",
    "name",
    "noname",
    "none",
    "removed",
    "research",
    "subject",
}
_MOST_NAMESAKES = 3
"""A name carried by more patients than this is a stand-in that a tool wrote, no one's name."""


@dataclass
class Patients:
    """Whose series may be used, and whom only an ID tells apart (they share a fold where they are kept)."""

    excluded: dict[PatientKey, str] = field(default_factory=dict)
    """Patients left out, each with its code."""
    findings: list[Finding] = field(default_factory=list)
    namesakes: list[frozenset[PatientKey]] = field(default_factory=list)


def with_issuers(groups: Iterable[Group]) -> list[Group]:
    """Series without an Issuer of Patient ID join the only issuer that the same Patient ID has elsewhere."""
    groups = list(groups)
    issuers: defaultdict[str, set[str]] = defaultdict(set)
    for key in {each.header.person.key for one in groups for each in one.instances}:
        if key.issuer:
            issuers[key.patient_id].add(key.issuer)
    only = {patient_id: next(iter(found)) for patient_id, found in issuers.items() if len(found) == 1}
    return [_completed(one, only) for one in groups] if only else groups


def _completed(one: Group, only: dict[str, str]) -> Group:
    def completed(person: Person) -> Person:
        if person.key.issuer or person.key.patient_id not in only:
            return person
        return replace(person, key=person.key._replace(issuer=only[person.key.patient_id]))

    instances = tuple(
        replace(each, header=replace(each.header, person=completed(each.header.person)))
        for each in one.instances
    )
    return replace(one, instances=instances)


def identify(groups: Iterable[Group], *, allow_equal_names: bool) -> Patients:
    """Find one ID with two people, and one person with two IDs."""
    people: defaultdict[PatientKey, set[Person]] = defaultdict(set)
    first: dict[PatientKey, str] = {}
    for one in sorted(groups, key=lambda group: group.path):
        for person in {each.header.person for each in one.instances}:
            if person.key.patient_id:
                people[person.key].add(person)
                first.setdefault(person.key, one.path)
    patients = Patients()
    for key in sorted(people):
        if _differ({p.birth_date for p in people[key]}) or _differ({p.sex for p in people[key]}):
            patients.excluded[key] = "two_people_one_id"
    patients.namesakes = _namesakes(people, set(patients.excluded))
    if not allow_equal_names:
        for key in sorted(set().union(*patients.namesakes)):
            patients.excluded[key] = "one_person_two_ids"
    patients.findings = [
        found(code, first[key], patient=key) for key, code in sorted(patients.excluded.items())
    ]
    return patients


def _differ(values: set[str]) -> bool:
    return len(values - {""}) > 1


def _namesakes(
    people: dict[PatientKey, set[Person]], excluded: set[PatientKey]
) -> list[frozenset[PatientKey]]:
    """Sets of patients with a name in common whom neither birth date nor sex tells apart."""
    by_name: defaultdict[str, set[PatientKey]] = defaultdict(set)
    for key in sorted(set(people) - excluded):
        for name in {name for person in people[key] for name in person.names}:
            if not set(name.split()) & _PLACEHOLDERS:
                by_name[name].add(key)
    pairs = (
        frozenset((a, b))
        for keys in by_name.values()
        if 1 < len(keys) <= _MOST_NAMESAKES
        for a in keys
        for b in keys
        if a < b and not _told_apart(people[a] | people[b])
    )
    return sorted(set(pairs), key=sorted)


def _told_apart(people: set[Person]) -> bool:
    return _differ({p.birth_date for p in people}) or _differ({p.sex for p in people})
