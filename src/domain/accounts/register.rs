//! Registration.

use super::{Accounts, DisplayName, EmailAddress, USER_ROLE, User, UserWithPassword};
use crate::domain::{
    actor::ClientInfo,
    error::{Error, Result},
    faults::Faults,
    ids::UserId,
    passwords::{Password, PasswordHash},
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
    /// What the client calls the device.
    pub device_name: Option<String>,
    /// The device.
    pub client: ClientInfo,
}

impl Accounts {
    /// Makes an account and logs its owner in.
    ///
    /// # Errors
    /// `BadUserInput` with every faulty field, `EmailTaken`, `Overloaded`, `ServiceUnavailable`
    /// (then the account may exist: a login tells).
    pub async fn register(&self, request: RegisterRequest) -> Result<SignedIn> {
        let mut faults = Faults::default();
        let email = faults.check(EmailAddress::parse(&request.email));
        let password = faults.check(Password::parse_new("password", &request.password));
        let name = faults.check(DisplayName::parse(&request.name));
        let device_name = faults.check(parse_device_name(request.device_name.as_deref()));
        let (Some(email), Some(password), Some(name), Some(device_name)) =
            (email, password, name, device_name)
        else {
            return Err(faults.into_error());
        };

        let password_hash = self.parts.passwords.hash(password).await?;
        let account = self.new_account(email, name, password_hash);
        self.parts.users.insert(&account).await.map_err(|error| match error {
            StoreError::Conflict(Field::Email) => Error::EmailTaken,
            other => other.into(),
        })?;
        tracing::info!(user = %account.user.id, "account made");
        self.parts.sessions.start(account.user, device_name, &request.client).await
    }

    fn new_account(
        &self,
        email: EmailAddress,
        name: DisplayName,
        password_hash: PasswordHash,
    ) -> UserWithPassword {
        let now = self.parts.clock.now();
        let user = User {
            id: UserId::generate(now, &*self.parts.random),
            email,
            email_verified: false,
            name,
            roles: vec![USER_ROLE.to_owned()],
            created_at: now,
            updated_at: now,
            version: 1,
            session_epoch: 1,
        };
        UserWithPassword { user, password_hash }
    }
}
