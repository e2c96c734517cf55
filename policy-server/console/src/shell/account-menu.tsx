import { CircleUser, LogOut, MonitorCog, Moon, Sun, UserCog } from 'lucide-react';
import { Button as AriaButton, Header, Menu, MenuItem, MenuSection, MenuTrigger, Popover } from 'react-aria-components';
import { useLocation } from 'wouter';
import { useSession } from '../session/session.tsx';
import { type Theme, THEMES, useTheme } from './theme.ts';

const THEME_ICONS = { system: MonitorCog, light: Sun, dark: Moon } as const;
const THEME_NAMES: Readonly<Record<Theme, string>> = { system: 'As the system', light: 'Light', dark: 'Dark' };

export function AccountMenu() {
  const { session, signOut } = useSession();
  const [, go] = useLocation();
  const [theme, setTheme] = useTheme();
  return (
    <MenuTrigger>
      <AriaButton className="button quiet account"><CircleUser aria-hidden="true" /><span className="account-name">{session.account.name}</span></AriaButton>
      <Popover className="popover" placement="top start">
        <Menu className="menu">
          <MenuItem className="menu-item" onAction={() => go('/me')}><UserCog aria-hidden="true" />Your account</MenuItem>
          <MenuSection selectionMode="single" selectedKeys={[theme]} disallowEmptySelection onSelectionChange={(keys) => setTheme(THEMES.find((each) => keys !== 'all' && keys.has(each)) ?? 'system')}>
            <Header className="menu-header">Colours</Header>
            {THEMES.map((each) => {
              const Icon = THEME_ICONS[each];
              return <MenuItem key={each} id={each} className="menu-item"><Icon aria-hidden="true" />{THEME_NAMES[each]}</MenuItem>;
            })}
          </MenuSection>
          <MenuItem className="menu-item" onAction={() => void signOut()}><LogOut aria-hidden="true" />Sign out</MenuItem>
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}
