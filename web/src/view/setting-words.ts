// Settings in the owner's words: what each is called, what it means, and how its values read.

export interface SettingWords {
  readonly label: string;
  readonly text: string;
  /** How a value of a choice reads. */
  readonly choices?: Readonly<Record<string, string>>;
  /** What stands where nothing is set. */
  readonly none?: string;
  readonly hint?: string;
  readonly unit?: string;
}

export interface SettingGroup {
  readonly title: string;
  readonly note?: string;
  /** Without a value of this one the others of the group do nothing: `note` says then what it would give, and how. */
  readonly basis?: { readonly name: string; readonly note: string };
  readonly settings: Readonly<Record<string, SettingWords>>;
}

const YES_NO = { true: "Yes", false: "No" };
const FILE_NOTE = "The path only, inside your home folder: the secret itself stays in that file and is shown nowhere.";

export const GROUPS: readonly SettingGroup[] = [
  {
    title: "This computer",
    settings: {
      name: { label: "Name", text: "What phones call this computer: “Send to …”." },
      inbox: { label: "Folder for files", text: "Where whole files appear. Nothing is moved: what has arrived stays where it is, and what is arriving right now ends there.", hint: "A folder inside your home folder, such as ~/Pictures, on a plugged-in disk or in /srv" },
      accept: { label: "Whose files come in", text: "A guest is whoever scans the code on the wall. Devices you have added or trusted are never asked about.", choices: { everyone: "Everyone’s", ask: "Ask me first", trusted: "Only my devices" } },
      wall: { label: "Who sees the code", text: "The page with the code, which anyone who opens it can scan.", choices: { lan: "All at home", computer: "Only this screen", off: "Nobody" } },
    },
  },
  {
    title: "Quiet",
    settings: {
      notices: { label: "Tell me when files arrive", text: "A notice on this computer’s screen.", choices: YES_NO },
      quiet_hours: { label: "Quiet hours", text: "No notices on the screen then. Files arrive as always.", none: "None", hint: "Such as 22:00-07:00; empty for none" },
    },
  },
  {
    title: "Limits",
    settings: {
      guest_daily_gb: { label: "Guests may send in a day", text: "All guests together. Your own devices are not limited.", unit: "GB" },
      plain_downloads: { label: "Big files to phones without encryption", text: "Some phones can take big files no other way, and each asks its person first. Anyone on the same Wi-Fi could read along.", choices: YES_NO },
    },
  },
  {
    title: "Away from home",
    note: "To send from anywhere, this computer keeps a line open to a meeting point on the internet. It never sees a file.",
    basis: {
      name: "edge",
      note: "At home nothing is missing. With a meeting point on the internet, phones you trust would reach this computer from every network, too. “Use it away from home” in the README shows three ways to one, the first for nothing.",
    },
    settings: {
      edge: { label: "Meeting point", text: "Its address. Without one this computer is reached at home only.", none: "None: at home only", hint: "Such as https://share.example.org; empty for none" },
      relay_ask_mb: { label: "Ask before the relay carries more than", text: "Where there is no direct way, a relay carries the files, and somebody pays for it. Pages ask before they send more.", unit: "MB" },
      turn_url: { label: "Your relay", text: "For networks without a direct way. It also needs a secret, or a user with a password.", none: "None", hint: "Such as turn:relay.example.org:3478" },
      turn_secret_file: { label: "File with the relay’s secret", text: `What your coturn calls static-auth-secret. ${FILE_NOTE}`, none: "None" },
      turn_user: { label: "User of the relay", text: "For a relay with one fixed password.", none: "None" },
      turn_password_file: { label: "File with that user’s password", text: FILE_NOTE, none: "None" },
      metered_app: { label: "Relay rented at Metered", text: "The first part of yourapp.metered.live, in place of a relay of your own.", none: "None" },
      metered_key_file: { label: "File with Metered’s key", text: FILE_NOTE, none: "None" },
      stun: { label: "Who tells this computer its public address", text: "Asked only for use away from home. It learns your address, and nothing else.", hint: "Such as stun:stun.example.org, with commas between; none asks nobody" },
    },
  },
];

/** How a value reads where the setting is closed. */
export function shownSetting(words: SettingWords, value: string): string {
  if (value === "") return words.none ?? "Not set";
  return words.choices?.[value] ?? (words.unit === undefined ? value : `${value} ${words.unit}`);
}
