"""A fleet over years: thousands of cars, one step per day, from one seed, with the truth known to the judge alone.

`FleetYears` runs it. What a car sends is `CarDays`, what workshops report is `ReportedService`; what is really left of
each part is `Truth`. Laws and figures with their sources are in docs/fleet.md.
"""
