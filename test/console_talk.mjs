// What an agent does with his call at the console, whose phone is a softphone,
// and what a supervisor does with it. For transfer_test.go.
import { api, given, looks, open, person, run, until } from './people.mjs';

let agent, chief;
const bar = () => agent.locator('section.talk');
const press = (name) => bar().getByRole('button', { name, exact: true }).click();

await run([
  ['the call stands above every page; hold and back', async () => {
    agent = await person('1001');
    await bar().getByText('With alice').waitFor();
    await press('Hold');
    await bar().getByText(/On hold for/).waitFor();
    await press('Take off hold');
    await bar().getByRole('button', { name: 'Hold', exact: true }).waitFor();
  }],
  ['muted, and the recording paused: both are said', async () => {
    await press('Mute');
    await bar().getByText('You are muted').waitFor();
    await press('Unmute');
    await press('Pause recording');
    await bar().getByText('Recording paused').first().waitFor();
    await press('Record again');
    await bar().getByRole('button', { name: 'Pause recording' }).waitFor();
  }],
  ['a target that is none is refused in words, and the player stays', async () => {
    await press('Give away');
    await bar().getByLabel('To whom').fill('nobody at all');
    await press('Transfer');
    await bar().getByRole('alert').waitFor();
    await bar().getByText('With alice').waitFor();
  }],
  ['a colleague is asked, and all talk together', async () => {
    await bar().getByLabel('To whom').fill('1002');
    await press('Ask first');
    await bar().getByText('Consulted:').waitFor();
    await press('Back to the player');
    await press('Talk to 1002');
    await bar().getByRole('button', { name: 'Hand over to 1002' }).waitFor();
    await looks(agent, 'talk-consult');
    await press('All together');
    await bar().getByText('In the conference:').waitFor();
  }],
  ['a supervisor sees who talks, and how he can take part', async () => {
    chief = await person('2001');
    await open(chief, `/calls/${given.call}`);
    const part = chief.locator('section', { has: chief.getByRole('heading', { name: 'Take part' }) });
    await part.getByText('1002').waitFor();
    await part.getByRole('button', { name: 'Listen', exact: true }).waitFor();
    await looks(chief, 'talk-supervise');
  }],
  ['parked: everybody sees him, and he is picked up again', async () => {
    await fetch(given.hangUpGuest); // 1002 leaves the conference
    await bar().getByRole('button', { name: 'Park', exact: true }).waitFor();
    await until('the guest is gone', async () => (await api(chief, 'GET', `/api/v1/calls/${given.call}/talk`)).parties.length === 0);
    await press('Park');
    const parked = agent.locator('section.parked');
    await parked.getByText('alice').waitFor();
    await looks(agent, 'talk-parked');
    await until('he is free', async () => (await api(agent, 'GET', '/api/v1/agents')).items[0].state === 'ready');
    await parked.getByRole('button', { name: 'Pick up' }).click();
    await bar().getByText('With alice').waitFor();
  }],
]);
