"""Reading the rules again while an engine runs: all of them hold from then on, or none."""

from collections.abc import Sequence

from interlock.app.live import plan_of
from interlock.app.loosening import check_not_looser, compared
from interlock.app.session import Session, policy_from, rules_of
from interlock.config.everything import changed_keys
from interlock.research.inputs import Inputs
from interlock.runtime.asking import AskError
from interlock.runtime.driver import Driver
from interlock.runtime.entries import Said
from interlock.runtime.logs import Journalist
from interlock.runtime.schedule import Schedule


class Reloading:
    """Reads the configuration of a running engine again.

    Args:
        session: As it was started.
        driver: Of the engine.
        inputs: What its policy was built from.
        strategies: Their names, by their numbers.
        journalist: Told what came of it.
        schedule: The calendar of live data: days begin as the rules say.
    """

    def __init__(
        self,
        session: Session,
        driver: Driver,
        inputs: Inputs,
        strategies: Sequence[str],
        journalist: Journalist,
        schedule: Schedule | None = None,
    ) -> None:
        self._session = session
        self._driver = driver
        self._inputs = inputs
        self._strategies = strategies
        self.rules = inputs.rules  # that hold
        self._canonical = inputs.rules.content()
        self._journalist = journalist
        self._schedule = schedule

    async def apply(self, *, loosen: bool) -> Said:
        """Let the rules in the files hold, and answer when that is durable.

        Raises:
            AskError: Every problem; what held still holds.
        """
        try:
            return await self._apply(loosen=loosen)
        except ValueError as error:
            self._journalist.say("reload_refused", {"why": str(error)})
            raise AskError(str(error)) from error

    async def _apply(self, *, loosen: bool) -> Said:
        configuration = self._session.read_again()
        decision = compared(self._canonical, configuration)
        check_not_looser(decision, loosen=loosen, next_step="interlock reload --loosen")
        later = changed_keys(self._session.configuration.system, configuration.system)
        if not decision.changes:
            return {"changes": [], "next_start": list(later)}
        policy = policy_from(self._inputs, configuration, self._strategies)
        rules = rules_of(configuration)
        canonical = rules.content()
        if self._schedule is not None:
            self._schedule.plan_with(plan_of(self._inputs, configuration.policy))
        seq = self._driver.engine.set_policy(policy, canonical)
        await self._driver.until_durable(seq)
        self._canonical = canonical
        self.rules = rules
        changes = [str(change) for change in decision.changes]
        self._journalist.say(
            "reloaded", {"changes": changes, "digest": configuration.digest, "seq": seq}
        )
        return {"changes": changes, "next_start": list(later), "seq": seq}
