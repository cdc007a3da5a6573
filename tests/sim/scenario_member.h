/* Directed scenarios of changes of members, for the table in scenario.c. */
#ifndef SW_TESTS_SIM_SCENARIO_MEMBER_H
#define SW_TESTS_SIM_SCENARIO_MEMBER_H

void scenario_configuration_rollback(void);
void scenario_overruled_while_leading(void);
void scenario_snapshot_before_a_reopen(void);
void scenario_uncommitted_snapshot(void);
void scenario_single_server_change(void);
void scenario_promote_then_crash(void);
void scenario_demote_then_crash(void);
void scenario_lone_voter_restart(void);
void scenario_remove_leader(void);

#endif
