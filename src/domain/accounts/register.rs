//! Registration.

use super::{Accounts, DisplayName, EmailAddress, Locale, User, UserMetadata, UserWithPassword};
use crate::domain::{
    actor::ClientInfo,
    audit::AuditKind,
    clock::Instant,
    error::{Error, Result},
    faults::Faults,
    ids::UserId,
    one_time::Ticket,
    outbox::{PendingAccount, Slot, Task, TaskError},
    passwords::{Password, PasswordHash},
    rate_limits::{Class, Identifier},
    sessions::{SignedIn, parse_device_name},
    store::{Field, StoreError},
};

/// What a registration needs.
pub struct RegisterRequest {
    /// The e-mail address.
    pub email: String,
    /// The password.
    pub password: String,
    /// What the person wants to be called.
    pub name: String,
    /// The language; that of the client where none is given.
    pub locale: Option<String>,
    /// What the client calls the device.
    pub device_name: Option<String>,
    /// The device.
    pub client: ClientInfo,
}

/// What became of a registration.
pub struct Registration {
    /// The person, logged in; `None` when the address has to be verified first.
    pub signed_in: Option<SignedIn>,
    /// Makes the code of the mail usable on this device.
    pub ticket: Ticket,
}

/// A registration whose fields are good.
struct Application {
    email: EmailAddress,
    name: DisplayName,
    locale: Option<Locale>,
    device_name: Option<String>,
}

impl Accounts {
    /// Makes an account, writes to its address, and logs its owner in, unless the address has to be
    /// verified first. With private registration the answer is the same for an address that has an
    /// account: all that the request does is to write down, in one step, that it was made.
    ///
    /// # Errors
    /// `BadUserInput` with every faulty field, `EmailTaken` unless registration is private, `RateLimited`,
    /// `Overloaded`, `ServiceUnavailable` (then the account may exist: a login tells).
    pub async fn register(&self, request: RegisterRequest) -> Result<Registration> {
        let mut faults = Faults::default();
        let email = faults.check(EmailAddress::parse(&request.email));
        let password = faults.check(Password::parse_new("password", &request.password));
        let name = faults.check(DisplayName::parse(&request.name));
        let locale = faults.check(request.locale.as_deref().map(Locale::parse).transpose());
        let device_name = faults.check(parse_device_name(request.device_name.as_deref()));
        let (Some(email), Some(password), Some(name), Some(locale), Some(device_name)) =
            (email, password, name, locale, device_name)
        else {
            return Err(faults.into_error());
        };
        let locale = locale.or_else(|| Locale::first_of(request.client.languages.as_deref()?));
        let application = Application { email, name, locale, device_name };

        let identifier = Identifier::of_email(&application.email);
        self.parts.limits.check(Class::Register, &request.client, Some(&identifier)).await?;
        let passwords = &self.parts.passwords;
        let context = [application.email.as_str(), application.name.as_str()];
        passwords.check_strength("password", &password, &context).await?;
        let password_hash = passwords.hash(password).await?;
        let user_id = UserId::generate(self.parts.clock.now(), &*self.parts.random);
        if self.parts.settings.private_registration {
            self.register_later(user_id, application, &password_hash).await
        } else {
            self.register_now(user_id, application, password_hash, &request.client).await
        }
    }

    async fn register_now(
        &self,
        user_id: UserId,
        application: Application,
        password_hash: PasswordHash,
        client: &ClientInfo,
    ) -> Result<Registration> {
        let Application { email, name, locale, device_name } = application;
        let account = new_account(user_id, (email, name, locale), password_hash, self.parts.clock.now());
        let event = self.by_owner(AuditKind::Registered, &account.user.id);
        self.parts.users.insert(&account, Some(&event)).await.map_err(|error| match error {
            StoreError::Conflict(Field::Email) => Error::EmailTaken,
            other => other.into(),
        })?;
        let user = account.user;
        tracing::info!(user = %user.id, "account made");
        let ticket = self.parts.one_time.ticket();
        self.ask_to_verify(&user.email, &ticket).await?;
        let signed_in = if self.parts.settings.require_verified_email {
            None
        } else {
            Some(self.parts.sessions.start(user, device_name, client, None).await?)
        };
        Ok(Registration { signed_in, ticket })
    }

    async fn ask_to_verify(&self, email: &EmailAddress, ticket: &Ticket) -> Result<()> {
        let task = Task::VerifyEmail { email: email.clone(), ticket: Some(ticket.hash()) };
        self.parts.outbox.enqueue(task, Some(Slot::of("registered", email))).await
    }

    async fn register_later(
        &self,
        user_id: UserId,
        application: Application,
        password_hash: &PasswordHash,
    ) -> Result<Registration> {
        let Application { email, name, locale, .. } = application;
        let (ticket, password_hash) = (self.parts.one_time.ticket(), password_hash.expose().to_owned());
        let pending = PendingAccount { user_id, email, name, locale, password_hash, ticket: ticket.hash() };
        self.parts.outbox.enqueue(Task::Register(Box::new(pending)), None).await?;
        Ok(Registration { signed_in: None, ticket })
    }

    /// Makes an account that was written down, or tells the owner of the address that somebody tried.
    pub(super) async fn make_account(
        &self,
        pending: &PendingAccount,
        applied_at: Instant,
    ) -> std::result::Result<(), TaskError> {
        let PendingAccount { user_id, email, name, locale, password_hash, ticket } = pending.clone();
        let hash = PasswordHash::from_stored(password_hash);
        let account = new_account(user_id, (email.clone(), name, locale), hash, applied_at);
        let event = self.by_owner(AuditKind::Registered, &account.user.id);
        let task = match self.parts.users.insert(&account, Some(&event)).await {
            Ok(()) => {
                tracing::info!(user = %account.user.id, "account made");
                Task::VerifyEmail { email: email.clone(), ticket: Some(ticket) }
            }
            Err(StoreError::Conflict(Field::Email | Field::Identity)) => {
                let is_own = self.parts.users.find(&account.user.id).await.map_err(Error::from)?.is_some();
                if is_own {
                    // Made by an attempt that did not come to its end.
                    Task::VerifyEmail { email: email.clone(), ticket: Some(ticket) }
                } else {
                    return self.warn_owner(&email).await;
                }
            }
            Err(error) => return Err(Error::from(error).into()),
        };
        Ok(self.parts.outbox.enqueue(task, Some(Slot::of("registered", &email))).await?)
    }

    /// Tells the owner of an address, now and then, that somebody else tried to use it.
    pub(super) async fn warn_owner(&self, email: &EmailAddress) -> std::result::Result<(), TaskError> {
        let task = Task::AddressInUse { email: email.clone() };
        match self.parts.outbox.enqueue(task, Some(Slot::limited("in-use", email))).await {
            Ok(()) | Err(Error::RateLimited { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

fn new_account(
    id: UserId,
    (email, name, locale): (EmailAddress, DisplayName, Option<Locale>),
    password_hash: PasswordHash,
    now: Instant,
) -> UserWithPassword {
    let user = User { locale, ..User::new(id, email, name, now) };
    UserWithPassword { user, password_hash, metadata: UserMetadata::default() }
}
