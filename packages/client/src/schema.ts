/**
 * Generated from the API's OpenAPI document by `pnpm generate:client` (or `make client`); not to be edited.
 * apps/api/src/openapi.test.ts fails while this file is not what the document gives.
 */

export interface paths {
    "/api/v1/audit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What happened, newest first */
        get: operations["listAudit"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/audit/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** All audit rows that match, newest first, as one file */
        get: operations["exportAudit"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/api-keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The caller's API keys that were not revoked, newest first */
        get: operations["listApiKeys"];
        put?: never;
        /** Make an API key; it is shown this once */
        post: operations["createApiKey"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/api-keys/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Revoke an API key */
        delete: operations["revokeApiKey"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/change-password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Set a new password, knowing the present one; ends all other sessions */
        post: operations["changePassword"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/login": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Sign in */
        post: operations["login"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/logout": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** End the session */
        post: operations["logout"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/request-password-reset": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Ask for a mail with a link that sets a new password */
        post: operations["requestPasswordReset"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/reset-password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Set a new password by the token that was mailed; ends all sessions and a lock */
        post: operations["resetPassword"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/send-verification-email": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Ask for a mail with a link that proves the address */
        post: operations["sendVerificationEmail"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Who is signed in, and what they may do */
        get: operations["getSession"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The caller's sessions, newest first */
        get: operations["listSessions"];
        put?: never;
        post?: never;
        /** End all of the caller's sessions but this one */
        delete: operations["endOtherSessions"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/sessions/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** End one of the caller's sessions */
        delete: operations["endSession"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/signup": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Make an account; a mail asks to prove the address */
        post: operations["signUp"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/verify-email": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Prove an address by the token that was mailed to it */
        post: operations["verifyEmail"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/email-preferences": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What one's own address is sent */
        get: operations["getEmailPreferences"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /** Choose what one's own address is sent */
        patch: operations["updateEmailPreferences"];
        trace?: never;
    };
    "/api/v1/emails": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Emails, newest first */
        get: operations["listEmails"];
        put?: never;
        /** Send one email, or many */
        post: operations["createEmails"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/emails/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What became of an email, attempt by attempt */
        get: operations["getEmail"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/emails/{id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Take an email back that was not sent yet */
        post: operations["cancelEmail"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/emails/{id}/replay": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Send an email again that failed, or ended as uncertain */
        post: operations["replayEmail"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/emails/replay": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Send all emails again that failed, or some of them */
        post: operations["replayEmails"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/emails/stats": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How many emails became what, by provider and day */
        get: operations["getEmailStats"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/permissions/check": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** What the caller, or a user, may do */
        post: operations["checkPermissions"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/roles": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Roles, newest first */
        get: operations["listRoles"];
        put?: never;
        /** Make a role */
        post: operations["createRole"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/roles/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One role */
        get: operations["getRole"];
        put?: never;
        post?: never;
        /** Delete a role that nobody has */
        delete: operations["deleteRole"];
        options?: never;
        head?: never;
        /** Change a role, for everybody who has it */
        patch: operations["updateRole"];
        trace?: never;
    };
    "/api/v1/suppressions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Addresses that nothing is sent to, newest first */
        get: operations["listSuppressions"];
        put?: never;
        /** Send nothing to an address any more, not even what is queued */
        post: operations["createSuppression"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/suppressions/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Send to an address again; what was held back meanwhile is not sent */
        delete: operations["deleteSuppression"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/templates": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Versions of templates, newest first */
        get: operations["listTemplates"];
        put?: never;
        /** Make an email template, or one in another locale */
        post: operations["createTemplate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/templates/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One version of a template */
        get: operations["getTemplate"];
        put?: never;
        post?: never;
        /** Take all versions of a template out of use, in its locale */
        delete: operations["deleteTemplate"];
        options?: never;
        head?: never;
        /** Make the next version of a template, or take one in or out of use */
        patch: operations["updateTemplate"];
        trace?: never;
    };
    "/api/v1/templates/{id}/preview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** What a version of a template makes of variables */
        post: operations["previewTemplate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/templates/preview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** What a template that is not there yet would make of variables */
        post: operations["previewDraft"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Users, newest first, or those that a search finds */
        get: operations["listUsers"];
        put?: never;
        /** Make a user */
        post: operations["createUser"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One user */
        get: operations["getUser"];
        put?: never;
        post?: never;
        /** Delete a user */
        delete: operations["deleteUser"];
        options?: never;
        head?: never;
        /** Change a user */
        patch: operations["updateUser"];
        trace?: never;
    };
    "/api/v1/users/{id}/roles": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A user's roles, latest granted first */
        get: operations["listUserRoles"];
        put?: never;
        /** Grant a user a role beside the main one; again changes nothing */
        post: operations["grantUserRole"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{id}/roles/{roleId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Take a role from a user that is not the main one */
        delete: operations["revokeUserRole"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        ApiKey: {
            /** Format: date-time */
            createdAt: string;
            expiresAt: string | null;
            id: string;
            lastUsedAt: string | null;
            name: string;
            /** @description The first characters of the key. */
            prefix: string;
            /** @description null: all that its user may do. */
            scopes: string[] | null;
        };
        AuditLog: {
            /** Format: date-time */
            createdAt: string;
            /** @example user.created */
            eventType: string;
            hash: string | null;
            id: string;
            ipAddress: string | null;
            /** @description Secrets and addresses are masked. */
            metadata: {
                [key: string]: unknown;
            };
            piiMasked: boolean;
            /** @description Place in the hash chain; null for the first half minute. */
            sequence: number | null;
            /** @description Who did it; null: nobody who is known, or the platform. */
            userId: string | null;
        };
        CancelEmailResponse: {
            data: components["schemas"]["Email"];
            meta: components["schemas"]["Meta"];
            /** @constant */
            success: true;
        };
        ChangePasswordRequest: {
            currentPassword: string;
            /** @example correct horse battery */
            newPassword: string;
        };
        ChangePasswordResponse: {
            data: {
                endedSessions: number;
            };
            meta: components["schemas"]["Meta"];
            /** @constant */
            success: true;
        };
        CheckPermissionsRequest: {
            /** @example read:any:user */
            permission: string;
            /** @description Absent: the caller. */
            userId?: string;
        } | {
            permissions: string[];
            /** @description Absent: the caller. */
            userId?: string;
        };
        CheckPermissionsResponse: {
            data: {
                /** @description Whether all of them are. */
                allowed: boolean;
                results: {
                    allowed: boolean;
                    permission: string;
                }[];
            };
            meta: components["schemas"]["Meta"];
            /** @constant */
            success: true;
        };
        CreateApiKeyRequest: {
            /** Format: date-time */
            expiresAt?: string;
            /** @example Ada Lovelace */
            name: string;
            scopes?: string[];
        };
        CreateApiKeyResponse: {
            data: components["schemas"]["NewApiKey"];
            meta: components["schemas"]["Meta"];
            /** @constant */
            success: true;
        };
        CreateEmailsRequest: components["schemas"]["NewEmail"] | {
            emails: components["schemas"]["NewEmail"][];
        };
        CreateEmailsResponse: {
            data: {
                /** @description In the order of the emails. */
                ids: string[];
            };
            meta: components["schemas"]["Meta"];
            /** @constant */
            success: true;
        };
        CreateRoleRequest: {
            /** @default null */
            description?: string | null;
            /** @example support */
            name: string;
            /** @description Only what the caller holds. May be empty. */
            permissions: string[];
        };
        CreateRoleResponse: {
            data: components["schemas"]["Role"];
            meta: components["schemas"]["Meta"];
            /** @constant */
            success: true;
        };
        CreateSuppressionRequest: {
            detail?: string;
            /**
             * Format: email
             * @example ada@example.org
             */
            email: string;
        };
        CreateSuppressionResponse: {
            data: components["schemas"]["Suppression"];
            meta: components["schemas"]["Meta"];
            /** @constant */
            success: true;
        };
        CreateTemplateRequest: {
            /**
             * @description Its variables open a door (a link to sign in): they are wiped once an email has gone out.
             * @default false
             */
            holdsSecrets?: boolean;
            /**
             * @description A marketing template shows `{{unsubscribeUrl}}`, which the platform puts in.
             * @default transactional
             * @enum {string}
             */
            kind?: "transactional" | "marketing";
            locale?: string;
            mjml: string;
            /** @example order_shipped */
            name: string;
            /** @example Your order {{orderNumber}} is on its way */
            subject: string;
            /**
             * @description Each must be used, and what is used must be here.
             * @example [
             *       "orderNumber"
             *     ]
             */
            variables: string[];
        };
        CreateTemplateResponse: {
            data: components["schemas"]["Template"];
            meta: components["schemas"]["Meta"];
            /** @constant */
            success: true;
        };
        CreateUserRequest: {
            /**
             * Format: email
             * @example ada@example.org
             */
            email: string;
            /**
             * @description true: you vouch for the address. false: it has to be verified by mail.
             * @default true
             */
            emailVerified?: boolean;
            /** @example Ada Lovelace */
            name: string;
            /**
             * @description Without one the user cannot sign in yet.
             * @example correct horse battery
             */
            password?: string;
            /**
             * @default user
             * @example support
             */
            role?: string;
        };
        CreateUserResponse: {
            data: components["schemas"]["User"];
            meta: components["schemas"]["Meta"];
            /** @constant */
            success: true;
        };
        DeleteRoleResponse: {
            data: {
                id: string;
            };
            meta: components["schemas"]["Meta"];
            /** @constant */
            success: true;
        };
        DeleteSuppressionResponse: {
            data: {
                id: string;
            };
            meta: components["schemas"]["Meta"];
            /** @constant */
            success: true;
        };
        DeleteTemplateResponse: {
            data: {
                id: string;
            };
            meta: components["schemas"]["Meta"];
            /** @constant */
            success: true;
        };
        DeleteUserResponse: {
            data: {
                id: string;
            };
            meta: components["schemas"]["Meta"];
            /** @constant */
            success: true;
        };
        Email: {
            attempts: number;
            bouncedAt: string | null;
            cancelledAt: string | null;
            complainedAt: string | null;
            /** Format: date-time */
            createdAt: string;
            deliveredAt: string | null;
            errorMessage: string | null;
            failedAt: string | null;
            id: string;
            /** @enum {string} */
            kind: "transactional" | "marketing";
            locale: string;
            maxAttempts: number;
            messageId: string | null;
            priority: number;
            provider: string | null;
            sendAt: string | null;
            sentAt: string | null;
            /** @enum {string} */
            status: "queued" | "sent" | "delivered" | "bounced" | "failed" | "suppressed" | "cancelled" | "uncertain";
            suppressedAt: string | null;
            template: string;
            to: string;
            /** @description When it was first seen that it may have gone out, or gone out twice. */
            uncertainAt: string | null;
            /** Format: date-time */
            updatedAt: string;
        };
        EmailAttempt: {
            /** Format: date-time */
            endedAt: string;
            errorMessage: string | null;
            messageId: string | null;
            number: number;
            /** @description sent, rejected, refused, uncertain or abandoned. */
            outcome: string;
            provider: string | null;
            /** Format: date-time */
            startedAt: string;
        };
        EmailDetails: {
            attachments: {
                bytes: number;
                contentType: string;
                filename: string;
            }[];
            /** @description The first is the oldest. */
            attemptLog: components["schemas"]["EmailAttempt"][];
            attempts: number;
            bouncedAt: string | null;
            cancelledAt: string | null;
            complainedAt: string | null;
            /** Format: date-time */
            createdAt: string;
            deliveredAt: string | null;
            errorMessage: string | null;
            failedAt: string | null;
            id: string;
            /** @enum {string} */
            kind: "transactional" | "marketing";
            locale: string;
            maxAttempts: number;
            messageId: string | null;
            priority: number;
            provider: string | null;
            sendAt: string | null;
            sentAt: string | null;
            /** @enum {string} */
            status: "queued" | "sent" | "delivered" | "bounced" | "failed" | "suppressed" | "cancelled" | "uncertain";
            suppressedAt: string | null;
            template: string;
            to: string;
            /** @description When it was first seen that it may have gone out, or gone out twice. */
            uncertainAt: string | null;
            /** Format: date-time */
            updatedAt: string;
        };
        EmailPreferences: {
            email: string;
            marketing: boolean;
            unsubscribedAt: string | null;
        };
        EmailStats: {
            days: {
                accepted: number;
                bounced: number;
                cancelled: number;
                complained: number;
                /** @description (sent / 1000) × EMAIL_COST_PER_1000 of the provider. */
                costUsd: number;
                /**
                 * Format: date
                 * @description On which they were accepted, in UTC.
                 */
                day: string;
                delivered: number;
                failed: number;
                /** @description null: none was asked. */
                provider: string | null;
                queued: number;
                /** @description Handed to a provider; delivered and bounced are among them. */
                sent: number;
                suppressed: number;
                /** @description May have gone out, or gone out twice; also counted elsewhere. */
                uncertain: number;
            }[];
            /** Format: date-time */
            from: string;
            providers: {
                accepted: number;
                bounced: number;
                cancelled: number;
                complained: number;
                /** @description (sent / 1000) × EMAIL_COST_PER_1000 of the provider. */
                costUsd: number;
                delivered: number;
                failed: number;
                /** @description null: none was asked. */
                provider: string | null;
                queued: number;
                /** @description Handed to a provider; delivered and bounced are among them. */
                sent: number;
                suppressed: number;
                /** @description May have gone out, or gone out twice; also counted elsewhere. */
                uncertain: number;
            }[];
            total: {
                accepted: number;
                bounced: number;
                cancelled: number;
                complained: number;
                /** @description (sent / 1000) × EMAIL_COST_PER_1000 of the provider. */
                costUsd: number;
                delivered: number;
                failed: number;
                queued: number;
                /** @description Handed to a provider; delivered and bounced are among them. */
                sent: number;
                suppressed: number;
                /** @description May have gone out, or gone out twice; also counted elsewhere. */
                uncertain: number;
            };
            /** Format: date-time */
            until: string;
        };
        EndOtherSessionsResponse: {
            data: {
                endedSessions: number;
            };
            meta: components["schemas"]["Meta"];
            /** @constant */
            success: true;
        };
        EndSessionResponse: {
            data: {
                id: string;
            };
            meta: components["schemas"]["Meta"];
            /** @constant */
            success: true;
        };
        Error: {
            error: {
                /** @enum {string} */
                code: "VALIDATION_ERROR" | "ROLE_ERROR" | "AUTHENTICATION_ERROR" | "SESSION_ERROR" | "PERMISSION_DENIED" | "ACCOUNT_LOCKED" | "NOT_FOUND" | "CONSTRAINT_VIOLATION" | "RATE_LIMIT_EXCEEDED" | "DATABASE_ERROR" | "INTERNAL_ERROR" | "EXTERNAL_SERVICE_ERROR" | "SERVICE_UNAVAILABLE" | "TIMEOUT_ERROR";
                details?: {
                    field: string;
                    message: string;
                }[];
                /** @description The first field at fault. */
                field?: string;
                message: string;
            };
            meta: components["schemas"]["Meta"];
            /** @constant */
            success: false;
        };
        GetEmailPreferencesResponse: {
            data: components["schemas"]["EmailPreferences"];
            meta: components["schemas"]["Meta"];
            /** @constant */
            success: true;
        };
        GetEmailResponse: {
            data: components["schemas"]["EmailDetails"];
            meta: components["schemas"]["Meta"];
            /** @constant */
            success: true;
        };
        GetEmailStatsResponse: {
            data: components["schemas"]["EmailStats"];
            meta: components["schemas"]["Meta"];
            /** @constant */
            success: true;
        };
        GetRoleResponse: {
            data: components["schemas"]["Role"];
            meta: components["schemas"]["Meta"];
            /** @constant */
            success: true;
        };
        GetSessionResponse: {
            data: {
                permissions: string[];
                session: {
                    expiresAt: string | null;
                    id: string;
                };
                user: components["schemas"]["User"];
            };
            meta: components["schemas"]["Meta"];
            /** @constant */
            success: true;
        };
        GetTemplateResponse: {
            data: components["schemas"]["Template"];
            meta: components["schemas"]["Meta"];
            /** @constant */
            success: true;
        };
        GetUserResponse: {
            data: components["schemas"]["User"];
            meta: components["schemas"]["Meta"];
            /** @constant */
            success: true;
        };
        Grant: {
            /** Format: date-time */
            grantedAt: string;
            /** @description A user id; null: the platform itself. */
            grantedBy: string | null;
            /** @description The user's `role`; changed by PATCH /api/v1/users/:id only. */
            isMain: boolean;
            role: components["schemas"]["Role"];
        };
        GrantUserRoleRequest: {
            /**
             * @description Its name.
             * @example support
             */
            role: string;
        };
        GrantUserRoleResponse: {
            data: components["schemas"]["Grant"];
            meta: components["schemas"]["Meta"];
            /** @constant */
            success: true;
        };
        ListApiKeysResponse: {
            data: components["schemas"]["ApiKey"][];
            meta: components["schemas"]["Meta"];
            pagination: components["schemas"]["Pagination"];
            /** @constant */
            success: true;
        };
        ListAuditResponse: {
            data: components["schemas"]["AuditLog"][];
            meta: components["schemas"]["Meta"];
            pagination: components["schemas"]["Pagination"];
            /** @constant */
            success: true;
        };
        ListEmailsResponse: {
            data: components["schemas"]["Email"][];
            meta: components["schemas"]["Meta"];
            pagination: components["schemas"]["Pagination"];
            /** @constant */
            success: true;
        };
        ListRolesResponse: {
            data: components["schemas"]["Role"][];
            meta: components["schemas"]["Meta"];
            pagination: components["schemas"]["Pagination"];
            /** @constant */
            success: true;
        };
        ListSessionsResponse: {
            data: components["schemas"]["Session"][];
            meta: components["schemas"]["Meta"];
            pagination: components["schemas"]["Pagination"];
            /** @constant */
            success: true;
        };
        ListSuppressionsResponse: {
            data: components["schemas"]["Suppression"][];
            meta: components["schemas"]["Meta"];
            pagination: components["schemas"]["Pagination"];
            /** @constant */
            success: true;
        };
        ListTemplatesResponse: {
            data: components["schemas"]["TemplateSummary"][];
            meta: components["schemas"]["Meta"];
            pagination: components["schemas"]["Pagination"];
            /** @constant */
            success: true;
        };
        ListUserRolesResponse: {
            data: components["schemas"]["Grant"][];
            meta: components["schemas"]["Meta"];
            pagination: components["schemas"]["Pagination"];
            /** @constant */
            success: true;
        };
        ListUsersResponse: {
            data: components["schemas"]["User"][];
            meta: components["schemas"]["Meta"];
            pagination: components["schemas"]["Pagination"];
            /** @constant */
            success: true;
        };
        LoginRequest: {
            /**
             * Format: email
             * @example ada@example.org
             */
            email: string;
            password: string;
        };
        LoginResponse: {
            data: {
                /** Format: date-time */
                expiresAt: string;
                /** @description For Authorization: Bearer; the cookie holds it, too. */
                token: string;
                user: components["schemas"]["User"];
            };
            meta: components["schemas"]["Meta"];
            /** @constant */
            success: true;
        };
        LogoutResponse: {
            data: {
                /** @constant */
                signedOut: true;
            };
            meta: components["schemas"]["Meta"];
            /** @constant */
            success: true;
        };
        Meta: {
            /** @description The same as the header X-Request-Id; quote it in a report. */
            requestId: string;
            /** Format: date-time */
            timestamp: string;
            /** @description Of the platform that answered. */
            version: string;
        };
        NewApiKey: {
            /** Format: date-time */
            createdAt: string;
            expiresAt: string | null;
            id: string;
            /** @description The key itself; keep it, it is shown nowhere else. */
            key: string;
            lastUsedAt: string | null;
            name: string;
            /** @description The first characters of the key. */
            prefix: string;
            /** @description null: all that its user may do. */
            scopes: string[] | null;
        };
        NewAttachment: {
            content: string;
            contentType: string;
            filename: string;
        };
        NewEmail: {
            /** @description Together at most EMAIL_ATTACHMENTS_MAX_BYTES (2 MiB by default). */
            attachments?: components["schemas"]["NewAttachment"][];
            /** @description Not before so many seconds have passed; excludes `sendAt`. */
            delaySeconds?: number;
            locale?: string;
            /**
             * @description 1 is sent first; 5 by default.
             * @enum {number}
             */
            priority?: 1 | 3 | 5 | 7 | 9;
            /**
             * Format: date-time
             * @description Not before; must not be past.
             */
            sendAt?: string;
            template: string;
            /**
             * Format: email
             * @example ada@example.org
             */
            to: string;
            variables: {
                [key: string]: string | number | boolean | null;
            };
        };
        Pagination: {
            hasNextPage: boolean;
            hasPreviousPage: boolean;
            /** @description Give it as `cursor` for the next page. */
            nextCursor: string | null;
            page: number;
            pageSize: number;
            /** @description Of all pages; at least so many where `totalCountIsExact` is false. */
            totalCount: number;
            /** @description false: there are too many to count them at each page; follow `hasNextPage`. */
            totalCountIsExact: boolean;
            totalPages: number;
        };
        PreviewDraftRequest: {
            /**
             * @description A marketing template shows `{{unsubscribeUrl}}`, which the platform puts in.
             * @default transactional
             * @enum {string}
             */
            kind?: "transactional" | "marketing";
            mjml: string;
            /** @example Your order {{orderNumber}} is on its way */
            subject: string;
            /**
             * @description For every variable that it uses; others are left out.
             * @example {
             *       "orderNumber": "4711"
             *     }
             */
            variables: {
                [key: string]: string | number | boolean | null;
            };
        };
        PreviewDraftResponse: {
            data: components["schemas"]["TemplatePreview"];
            meta: components["schemas"]["Meta"];
            /** @constant */
            success: true;
        };
        PreviewTemplateRequest: {
            /**
             * @example {
             *       "orderNumber": "4711"
             *     }
             */
            variables: {
                [key: string]: string | number | boolean | null;
            };
        };
        PreviewTemplateResponse: {
            data: components["schemas"]["TemplatePreview"];
            meta: components["schemas"]["Meta"];
            /** @constant */
            success: true;
        };
        ReplayEmailResponse: {
            data: components["schemas"]["Email"];
            meta: components["schemas"]["Meta"];
            /** @constant */
            success: true;
        };
        ReplayEmailsRequest: {
            /**
             * Format: date-time
             * @description Accepted not before this moment.
             */
            from?: string;
            /** @default 1000 */
            limit?: number;
            provider?: string;
            /**
             * @description `uncertain` ones may have gone out: whoever got one gets it twice.
             * @default failed
             * @enum {string}
             */
            status?: "failed" | "uncertain";
            template?: string;
            /**
             * Format: date-time
             * @description Accepted before this moment.
             */
            until?: string;
        };
        ReplayEmailsResponse: {
            data: {
                /** @description How many more match, counted up to 100000; ask again until none is left. */
                left: number;
                replayed: number;
            };
            meta: components["schemas"]["Meta"];
            /** @constant */
            success: true;
        };
        RequestPasswordResetRequest: {
            /**
             * Format: email
             * @example ada@example.org
             */
            email: string;
        };
        RequestPasswordResetResponse: {
            data: {
                /** @constant */
                accepted: true;
            };
            meta: components["schemas"]["Meta"];
            /** @constant */
            success: true;
        };
        ResetPasswordRequest: {
            /** @example correct horse battery */
            password: string;
            token: string;
        };
        ResetPasswordResponse: {
            data: {
                /** @constant */
                passwordReset: true;
            };
            meta: components["schemas"]["Meta"];
            /** @constant */
            success: true;
        };
        RevokeApiKeyResponse: {
            data: {
                id: string;
            };
            meta: components["schemas"]["Meta"];
            /** @constant */
            success: true;
        };
        RevokeUserRoleResponse: {
            data: {
                roleId: string;
                userId: string;
            };
            meta: components["schemas"]["Meta"];
            /** @constant */
            success: true;
        };
        Role: {
            /** Format: date-time */
            createdAt: string;
            description: string | null;
            id: string;
            /** @description Comes with the platform: can be granted, not changed or deleted. */
            isSystem: boolean;
            name: string;
            permissions: string[];
            /** Format: date-time */
            updatedAt: string;
        };
        SendVerificationEmailRequest: {
            /**
             * Format: email
             * @example ada@example.org
             */
            email: string;
        };
        SendVerificationEmailResponse: {
            data: {
                /** @constant */
                accepted: true;
            };
            meta: components["schemas"]["Meta"];
            /** @constant */
            success: true;
        };
        Session: {
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            expiresAt: string;
            id: string;
            ipAddress: string | null;
            /** @description Whether it is the one that this request came with. */
            isCurrent: boolean;
            userAgent: string | null;
        };
        SignUpRequest: {
            /**
             * Format: email
             * @example ada@example.org
             */
            email: string;
            /** @example Ada Lovelace */
            name: string;
            /** @example correct horse battery */
            password: string;
        };
        SignUpResponse: {
            data: {
                user: components["schemas"]["User"];
            };
            meta: components["schemas"]["Meta"];
            /** @constant */
            success: true;
        };
        Suppression: {
            /** Format: date-time */
            createdAt: string;
            /** @description The id of a user; null: a provider said so. */
            createdBy: string | null;
            /** @description What the provider, or the person, said. */
            detail: string | null;
            email: string;
            /** @description The email that it came of. */
            emailSendId: string | null;
            id: string;
            /** @enum {string} */
            reason: "bounce" | "complaint" | "manual";
        };
        Template: {
            /** Format: date-time */
            createdAt: string;
            /** @description A user; null: the platform itself. */
            createdBy: string | null;
            /** @description Its variables open a door: they are wiped once an email has gone out. */
            holdsSecrets: boolean;
            /** @description Of this version. */
            id: string;
            isActive: boolean;
            /** @enum {string} */
            kind: "transactional" | "marketing";
            locale: string;
            mjml: string;
            name: string;
            subject: string;
            /** Format: date-time */
            updatedAt: string;
            /** @description What whoever sends it must give. */
            variables: string[];
            /** @description The newest active version of a name and locale is in use. */
            version: number;
        };
        TemplatePreview: {
            html: string;
            subject: string;
            text: string;
        };
        TemplateSummary: {
            /** Format: date-time */
            createdAt: string;
            /** @description A user; null: the platform itself. */
            createdBy: string | null;
            /** @description Its variables open a door: they are wiped once an email has gone out. */
            holdsSecrets: boolean;
            /** @description Of this version. */
            id: string;
            isActive: boolean;
            /** @enum {string} */
            kind: "transactional" | "marketing";
            locale: string;
            name: string;
            subject: string;
            /** Format: date-time */
            updatedAt: string;
            /** @description What whoever sends it must give. */
            variables: string[];
            /** @description The newest active version of a name and locale is in use. */
            version: number;
        };
        UpdateEmailPreferencesRequest: {
            marketing: boolean;
        };
        UpdateEmailPreferencesResponse: {
            data: components["schemas"]["EmailPreferences"];
            meta: components["schemas"]["Meta"];
            /** @constant */
            success: true;
        };
        UpdateRoleRequest: {
            description?: string | null;
            /**
             * @description Only while it is nobody's main role.
             * @example support
             */
            name?: string;
            /** @description Takes the place of all before. */
            permissions?: string[];
        };
        UpdateRoleResponse: {
            data: components["schemas"]["Role"];
            meta: components["schemas"]["Meta"];
            /** @constant */
            success: true;
        };
        UpdateTemplateRequest: {
            /** @description Its variables open a door (a link to sign in): they are wiped once an email has gone out. */
            holdsSecrets?: boolean;
            /** @description Alone: takes this version in or out of use. With more: whether the next one is used at once. */
            isActive?: boolean;
            /**
             * @description A marketing template shows `{{unsubscribeUrl}}`, which the platform puts in.
             * @enum {string}
             */
            kind?: "transactional" | "marketing";
            mjml?: string;
            /** @example Your order {{orderNumber}} is on its way */
            subject?: string;
            /**
             * @description Each must be used, and what is used must be here.
             * @example [
             *       "orderNumber"
             *     ]
             */
            variables?: string[];
        };
        UpdateTemplateResponse: {
            data: components["schemas"]["Template"];
            meta: components["schemas"]["Meta"];
            /** @constant */
            success: true;
        };
        UpdateUserRequest: {
            /**
             * Format: email
             * @description Needs update:any:user.
             * @example ada@example.org
             */
            email?: string;
            image?: string | null;
            /** @description Needs update:any:user; false ends all sessions. */
            isActive?: boolean;
            /** @example Ada Lovelace */
            name?: string;
            /**
             * @description Needs update:any:user. The main role before is taken away; others stay.
             * @example support
             */
            role?: string;
        };
        UpdateUserResponse: {
            data: components["schemas"]["User"];
            meta: components["schemas"]["Meta"];
            /** @constant */
            success: true;
        };
        User: {
            /** Format: date-time */
            createdAt: string;
            email: string;
            emailVerified: boolean;
            id: string;
            image: string | null;
            isActive: boolean;
            lastLoginAt: string | null;
            name: string;
            role: string;
            /** Format: date-time */
            updatedAt: string;
        };
        VerifyEmailRequest: {
            token: string;
        };
        VerifyEmailResponse: {
            data: {
                /** @constant */
                emailVerified: true;
            };
            meta: components["schemas"]["Meta"];
            /** @constant */
            success: true;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type ApiKey = components['schemas']['ApiKey'];
export type AuditLog = components['schemas']['AuditLog'];
export type CancelEmailResponse = components['schemas']['CancelEmailResponse'];
export type ChangePasswordRequest = components['schemas']['ChangePasswordRequest'];
export type ChangePasswordResponse = components['schemas']['ChangePasswordResponse'];
export type CheckPermissionsRequest = components['schemas']['CheckPermissionsRequest'];
export type CheckPermissionsResponse = components['schemas']['CheckPermissionsResponse'];
export type CreateApiKeyRequest = components['schemas']['CreateApiKeyRequest'];
export type CreateApiKeyResponse = components['schemas']['CreateApiKeyResponse'];
export type CreateEmailsRequest = components['schemas']['CreateEmailsRequest'];
export type CreateEmailsResponse = components['schemas']['CreateEmailsResponse'];
export type CreateRoleRequest = components['schemas']['CreateRoleRequest'];
export type CreateRoleResponse = components['schemas']['CreateRoleResponse'];
export type CreateSuppressionRequest = components['schemas']['CreateSuppressionRequest'];
export type CreateSuppressionResponse = components['schemas']['CreateSuppressionResponse'];
export type CreateTemplateRequest = components['schemas']['CreateTemplateRequest'];
export type CreateTemplateResponse = components['schemas']['CreateTemplateResponse'];
export type CreateUserRequest = components['schemas']['CreateUserRequest'];
export type CreateUserResponse = components['schemas']['CreateUserResponse'];
export type DeleteRoleResponse = components['schemas']['DeleteRoleResponse'];
export type DeleteSuppressionResponse = components['schemas']['DeleteSuppressionResponse'];
export type DeleteTemplateResponse = components['schemas']['DeleteTemplateResponse'];
export type DeleteUserResponse = components['schemas']['DeleteUserResponse'];
export type Email = components['schemas']['Email'];
export type EmailAttempt = components['schemas']['EmailAttempt'];
export type EmailDetails = components['schemas']['EmailDetails'];
export type EmailPreferences = components['schemas']['EmailPreferences'];
export type EmailStats = components['schemas']['EmailStats'];
export type EndOtherSessionsResponse = components['schemas']['EndOtherSessionsResponse'];
export type EndSessionResponse = components['schemas']['EndSessionResponse'];
export type Error = components['schemas']['Error'];
export type GetEmailPreferencesResponse = components['schemas']['GetEmailPreferencesResponse'];
export type GetEmailResponse = components['schemas']['GetEmailResponse'];
export type GetEmailStatsResponse = components['schemas']['GetEmailStatsResponse'];
export type GetRoleResponse = components['schemas']['GetRoleResponse'];
export type GetSessionResponse = components['schemas']['GetSessionResponse'];
export type GetTemplateResponse = components['schemas']['GetTemplateResponse'];
export type GetUserResponse = components['schemas']['GetUserResponse'];
export type Grant = components['schemas']['Grant'];
export type GrantUserRoleRequest = components['schemas']['GrantUserRoleRequest'];
export type GrantUserRoleResponse = components['schemas']['GrantUserRoleResponse'];
export type ListApiKeysResponse = components['schemas']['ListApiKeysResponse'];
export type ListAuditResponse = components['schemas']['ListAuditResponse'];
export type ListEmailsResponse = components['schemas']['ListEmailsResponse'];
export type ListRolesResponse = components['schemas']['ListRolesResponse'];
export type ListSessionsResponse = components['schemas']['ListSessionsResponse'];
export type ListSuppressionsResponse = components['schemas']['ListSuppressionsResponse'];
export type ListTemplatesResponse = components['schemas']['ListTemplatesResponse'];
export type ListUserRolesResponse = components['schemas']['ListUserRolesResponse'];
export type ListUsersResponse = components['schemas']['ListUsersResponse'];
export type LoginRequest = components['schemas']['LoginRequest'];
export type LoginResponse = components['schemas']['LoginResponse'];
export type LogoutResponse = components['schemas']['LogoutResponse'];
export type Meta = components['schemas']['Meta'];
export type NewApiKey = components['schemas']['NewApiKey'];
export type NewAttachment = components['schemas']['NewAttachment'];
export type NewEmail = components['schemas']['NewEmail'];
export type Pagination = components['schemas']['Pagination'];
export type PreviewDraftRequest = components['schemas']['PreviewDraftRequest'];
export type PreviewDraftResponse = components['schemas']['PreviewDraftResponse'];
export type PreviewTemplateRequest = components['schemas']['PreviewTemplateRequest'];
export type PreviewTemplateResponse = components['schemas']['PreviewTemplateResponse'];
export type ReplayEmailResponse = components['schemas']['ReplayEmailResponse'];
export type ReplayEmailsRequest = components['schemas']['ReplayEmailsRequest'];
export type ReplayEmailsResponse = components['schemas']['ReplayEmailsResponse'];
export type RequestPasswordResetRequest = components['schemas']['RequestPasswordResetRequest'];
export type RequestPasswordResetResponse = components['schemas']['RequestPasswordResetResponse'];
export type ResetPasswordRequest = components['schemas']['ResetPasswordRequest'];
export type ResetPasswordResponse = components['schemas']['ResetPasswordResponse'];
export type RevokeApiKeyResponse = components['schemas']['RevokeApiKeyResponse'];
export type RevokeUserRoleResponse = components['schemas']['RevokeUserRoleResponse'];
export type Role = components['schemas']['Role'];
export type SendVerificationEmailRequest = components['schemas']['SendVerificationEmailRequest'];
export type SendVerificationEmailResponse = components['schemas']['SendVerificationEmailResponse'];
export type Session = components['schemas']['Session'];
export type SignUpRequest = components['schemas']['SignUpRequest'];
export type SignUpResponse = components['schemas']['SignUpResponse'];
export type Suppression = components['schemas']['Suppression'];
export type Template = components['schemas']['Template'];
export type TemplatePreview = components['schemas']['TemplatePreview'];
export type TemplateSummary = components['schemas']['TemplateSummary'];
export type UpdateEmailPreferencesRequest = components['schemas']['UpdateEmailPreferencesRequest'];
export type UpdateEmailPreferencesResponse = components['schemas']['UpdateEmailPreferencesResponse'];
export type UpdateRoleRequest = components['schemas']['UpdateRoleRequest'];
export type UpdateRoleResponse = components['schemas']['UpdateRoleResponse'];
export type UpdateTemplateRequest = components['schemas']['UpdateTemplateRequest'];
export type UpdateTemplateResponse = components['schemas']['UpdateTemplateResponse'];
export type UpdateUserRequest = components['schemas']['UpdateUserRequest'];
export type UpdateUserResponse = components['schemas']['UpdateUserResponse'];
export type User = components['schemas']['User'];
export type VerifyEmailRequest = components['schemas']['VerifyEmailRequest'];
export type VerifyEmailResponse = components['schemas']['VerifyEmailResponse'];
export type $defs = Record<string, never>;
export interface operations {
    listAudit: {
        parameters: {
            query?: {
                /** @description The `nextCursor` of the page before, with the same filters; excludes `page`. */
                cursor?: string;
                /** @description What happened: `auth.login.refused`; with a star, all that begins so: `auth.*`. */
                eventType?: string;
                /** @description Not before this moment. */
                from?: string;
                /** @description 1 by default. */
                page?: number;
                /** @description 20 by default. */
                pageSize?: number;
                /** @description Before this moment. */
                to?: string;
                /** @description Who did it. */
                userId?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListAuditResponse"];
                };
            };
            /** @description VALIDATION_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    exportAudit: {
        parameters: {
            query?: {
                /** @description What happened: `auth.login.refused`; with a star, all that begins so: `auth.*`. */
                eventType?: string;
                format?: "csv" | "json";
                /** @description Not before this moment. */
                from?: string;
                /** @description Before this moment. */
                to?: string;
                /** @description Who did it. */
                userId?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": string;
                    "text/csv": string;
                };
            };
            /** @description VALIDATION_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    listApiKeys: {
        parameters: {
            query?: {
                /** @description The `nextCursor` of the page before, with the same filters; excludes `page`. */
                cursor?: string;
                /** @description 1 by default. */
                page?: number;
                /** @description 20 by default. */
                pageSize?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListApiKeysResponse"];
                };
            };
            /** @description VALIDATION_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    createApiKey: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the first answer is kept for 24 hours and repeated. The same key with another request is a 409. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateApiKeyRequest"];
            };
        };
        responses: {
            /** @description Done. */
            201: {
                headers: {
                    /** @description The answer is the one that this Idempotency-Key got before. */
                    "Idempotency-Replayed"?: "true";
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreateApiKeyResponse"];
                };
            };
            /** @description VALIDATION_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description CONSTRAINT_VIOLATION */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    revokeApiKey: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RevokeApiKeyResponse"];
                };
            };
            /** @description VALIDATION_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    changePassword: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the first answer is kept for 24 hours and repeated. The same key with another request is a 409. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ChangePasswordRequest"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    /** @description The answer is the one that this Idempotency-Key got before. */
                    "Idempotency-Replayed"?: "true";
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ChangePasswordResponse"];
                };
            };
            /** @description VALIDATION_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED or ACCOUNT_LOCKED */
            403: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description CONSTRAINT_VIOLATION */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    login: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the first answer is kept for 24 hours and repeated. The same key with another request is a 409. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["LoginRequest"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    /** @description The answer is the one that this Idempotency-Key got before. */
                    "Idempotency-Replayed"?: "true";
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LoginResponse"];
                };
            };
            /** @description VALIDATION_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED or ACCOUNT_LOCKED */
            403: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description CONSTRAINT_VIOLATION */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    logout: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the first answer is kept for 24 hours and repeated. The same key with another request is a 409. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    /** @description The answer is the one that this Idempotency-Key got before. */
                    "Idempotency-Replayed"?: "true";
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LogoutResponse"];
                };
            };
            /** @description VALIDATION_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description CONSTRAINT_VIOLATION */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    requestPasswordReset: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the first answer is kept for 24 hours and repeated. The same key with another request is a 409. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RequestPasswordResetRequest"];
            };
        };
        responses: {
            /** @description Done. */
            202: {
                headers: {
                    /** @description The answer is the one that this Idempotency-Key got before. */
                    "Idempotency-Replayed"?: "true";
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RequestPasswordResetResponse"];
                };
            };
            /** @description VALIDATION_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description CONSTRAINT_VIOLATION */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    resetPassword: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the first answer is kept for 24 hours and repeated. The same key with another request is a 409. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ResetPasswordRequest"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    /** @description The answer is the one that this Idempotency-Key got before. */
                    "Idempotency-Replayed"?: "true";
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ResetPasswordResponse"];
                };
            };
            /** @description VALIDATION_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description CONSTRAINT_VIOLATION */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    sendVerificationEmail: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the first answer is kept for 24 hours and repeated. The same key with another request is a 409. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SendVerificationEmailRequest"];
            };
        };
        responses: {
            /** @description Done. */
            202: {
                headers: {
                    /** @description The answer is the one that this Idempotency-Key got before. */
                    "Idempotency-Replayed"?: "true";
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SendVerificationEmailResponse"];
                };
            };
            /** @description VALIDATION_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description CONSTRAINT_VIOLATION */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    getSession: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GetSessionResponse"];
                };
            };
            /** @description VALIDATION_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    listSessions: {
        parameters: {
            query?: {
                /** @description The `nextCursor` of the page before, with the same filters; excludes `page`. */
                cursor?: string;
                /** @description 1 by default. */
                page?: number;
                /** @description 20 by default. */
                pageSize?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListSessionsResponse"];
                };
            };
            /** @description VALIDATION_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    endOtherSessions: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EndOtherSessionsResponse"];
                };
            };
            /** @description VALIDATION_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    endSession: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EndSessionResponse"];
                };
            };
            /** @description VALIDATION_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    signUp: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the first answer is kept for 24 hours and repeated. The same key with another request is a 409. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SignUpRequest"];
            };
        };
        responses: {
            /** @description Done. */
            201: {
                headers: {
                    /** @description The answer is the one that this Idempotency-Key got before. */
                    "Idempotency-Replayed"?: "true";
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SignUpResponse"];
                };
            };
            /** @description VALIDATION_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description CONSTRAINT_VIOLATION */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    verifyEmail: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the first answer is kept for 24 hours and repeated. The same key with another request is a 409. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["VerifyEmailRequest"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    /** @description The answer is the one that this Idempotency-Key got before. */
                    "Idempotency-Replayed"?: "true";
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["VerifyEmailResponse"];
                };
            };
            /** @description VALIDATION_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description CONSTRAINT_VIOLATION */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    getEmailPreferences: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GetEmailPreferencesResponse"];
                };
            };
            /** @description VALIDATION_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    updateEmailPreferences: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UpdateEmailPreferencesRequest"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UpdateEmailPreferencesResponse"];
                };
            };
            /** @description VALIDATION_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    listEmails: {
        parameters: {
            query?: {
                /** @description The `nextCursor` of the page before, with the same filters; excludes `page`. */
                cursor?: string;
                /** @description Accepted not before this moment. */
                from?: string;
                /** @description 1 by default. */
                page?: number;
                /** @description 20 by default. */
                pageSize?: number;
                status?: "queued" | "sent" | "delivered" | "bounced" | "failed" | "suppressed" | "cancelled" | "uncertain";
                template?: string;
                to?: string;
                /** @description Accepted before this moment. */
                until?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListEmailsResponse"];
                };
            };
            /** @description VALIDATION_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    createEmails: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the first answer is kept for 24 hours and repeated. The same key with another request is a 409. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateEmailsRequest"];
            };
        };
        responses: {
            /** @description Done. */
            202: {
                headers: {
                    /** @description The answer is the one that this Idempotency-Key got before. */
                    "Idempotency-Replayed"?: "true";
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreateEmailsResponse"];
                };
            };
            /** @description VALIDATION_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description CONSTRAINT_VIOLATION */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    getEmail: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GetEmailResponse"];
                };
            };
            /** @description VALIDATION_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    cancelEmail: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the first answer is kept for 24 hours and repeated. The same key with another request is a 409. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    /** @description The answer is the one that this Idempotency-Key got before. */
                    "Idempotency-Replayed"?: "true";
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CancelEmailResponse"];
                };
            };
            /** @description VALIDATION_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description CONSTRAINT_VIOLATION */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    replayEmail: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the first answer is kept for 24 hours and repeated. The same key with another request is a 409. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    /** @description The answer is the one that this Idempotency-Key got before. */
                    "Idempotency-Replayed"?: "true";
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReplayEmailResponse"];
                };
            };
            /** @description VALIDATION_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description CONSTRAINT_VIOLATION */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    replayEmails: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the first answer is kept for 24 hours and repeated. The same key with another request is a 409. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ReplayEmailsRequest"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    /** @description The answer is the one that this Idempotency-Key got before. */
                    "Idempotency-Replayed"?: "true";
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReplayEmailsResponse"];
                };
            };
            /** @description VALIDATION_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description CONSTRAINT_VIOLATION */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    getEmailStats: {
        parameters: {
            query?: {
                /** @description 30 days before `until` by default. */
                from?: string;
                /** @description Not included; now by default. */
                until?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GetEmailStatsResponse"];
                };
            };
            /** @description VALIDATION_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    checkPermissions: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the first answer is kept for 24 hours and repeated. The same key with another request is a 409. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CheckPermissionsRequest"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    /** @description The answer is the one that this Idempotency-Key got before. */
                    "Idempotency-Replayed"?: "true";
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CheckPermissionsResponse"];
                };
            };
            /** @description VALIDATION_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description CONSTRAINT_VIOLATION */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    listRoles: {
        parameters: {
            query?: {
                /** @description The `nextCursor` of the page before, with the same filters; excludes `page`. */
                cursor?: string;
                /** @description 1 by default. */
                page?: number;
                /** @description 20 by default. */
                pageSize?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListRolesResponse"];
                };
            };
            /** @description VALIDATION_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    createRole: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the first answer is kept for 24 hours and repeated. The same key with another request is a 409. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateRoleRequest"];
            };
        };
        responses: {
            /** @description Done. */
            201: {
                headers: {
                    /** @description The answer is the one that this Idempotency-Key got before. */
                    "Idempotency-Replayed"?: "true";
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreateRoleResponse"];
                };
            };
            /** @description VALIDATION_ERROR or ROLE_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description CONSTRAINT_VIOLATION */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    getRole: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GetRoleResponse"];
                };
            };
            /** @description VALIDATION_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    deleteRole: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeleteRoleResponse"];
                };
            };
            /** @description VALIDATION_ERROR or ROLE_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description CONSTRAINT_VIOLATION */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    updateRole: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UpdateRoleRequest"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UpdateRoleResponse"];
                };
            };
            /** @description VALIDATION_ERROR or ROLE_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description CONSTRAINT_VIOLATION */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    listSuppressions: {
        parameters: {
            query?: {
                /** @description The `nextCursor` of the page before, with the same filters; excludes `page`. */
                cursor?: string;
                email?: string;
                /** @description 1 by default. */
                page?: number;
                /** @description 20 by default. */
                pageSize?: number;
                reason?: "bounce" | "complaint" | "manual";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListSuppressionsResponse"];
                };
            };
            /** @description VALIDATION_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    createSuppression: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the first answer is kept for 24 hours and repeated. The same key with another request is a 409. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateSuppressionRequest"];
            };
        };
        responses: {
            /** @description Done. */
            201: {
                headers: {
                    /** @description The answer is the one that this Idempotency-Key got before. */
                    "Idempotency-Replayed"?: "true";
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreateSuppressionResponse"];
                };
            };
            /** @description VALIDATION_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description CONSTRAINT_VIOLATION */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    deleteSuppression: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeleteSuppressionResponse"];
                };
            };
            /** @description VALIDATION_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    listTemplates: {
        parameters: {
            query?: {
                /** @description The `nextCursor` of the page before, with the same filters; excludes `page`. */
                cursor?: string;
                isActive?: "true" | "false";
                kind?: "transactional" | "marketing";
                locale?: string;
                name?: string;
                /** @description 1 by default. */
                page?: number;
                /** @description 20 by default. */
                pageSize?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListTemplatesResponse"];
                };
            };
            /** @description VALIDATION_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    createTemplate: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the first answer is kept for 24 hours and repeated. The same key with another request is a 409. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateTemplateRequest"];
            };
        };
        responses: {
            /** @description Done. */
            201: {
                headers: {
                    /** @description The answer is the one that this Idempotency-Key got before. */
                    "Idempotency-Replayed"?: "true";
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreateTemplateResponse"];
                };
            };
            /** @description VALIDATION_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description CONSTRAINT_VIOLATION */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    getTemplate: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GetTemplateResponse"];
                };
            };
            /** @description VALIDATION_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    deleteTemplate: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeleteTemplateResponse"];
                };
            };
            /** @description VALIDATION_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description CONSTRAINT_VIOLATION */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    updateTemplate: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UpdateTemplateRequest"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UpdateTemplateResponse"];
                };
            };
            /** @description VALIDATION_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description CONSTRAINT_VIOLATION */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    previewTemplate: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the first answer is kept for 24 hours and repeated. The same key with another request is a 409. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PreviewTemplateRequest"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    /** @description The answer is the one that this Idempotency-Key got before. */
                    "Idempotency-Replayed"?: "true";
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PreviewTemplateResponse"];
                };
            };
            /** @description VALIDATION_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description CONSTRAINT_VIOLATION */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    previewDraft: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the first answer is kept for 24 hours and repeated. The same key with another request is a 409. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PreviewDraftRequest"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    /** @description The answer is the one that this Idempotency-Key got before. */
                    "Idempotency-Replayed"?: "true";
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PreviewDraftResponse"];
                };
            };
            /** @description VALIDATION_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description CONSTRAINT_VIOLATION */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    listUsers: {
        parameters: {
            query?: {
                /** @description The `nextCursor` of the page before, with the same filters; excludes `page`. */
                cursor?: string;
                /** @description 1 by default. */
                page?: number;
                /** @description 20 by default. */
                pageSize?: number;
                /** @description The name of the main role. */
                role?: string;
                /** @description The beginning of an address or a name, in any case. Answers those whose address begins so, by address, then those whose name does, by name. Counted up to 200 (`totalCountIsExact`). */
                search?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListUsersResponse"];
                };
            };
            /** @description VALIDATION_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    createUser: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the first answer is kept for 24 hours and repeated. The same key with another request is a 409. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateUserRequest"];
            };
        };
        responses: {
            /** @description Done. */
            201: {
                headers: {
                    /** @description The answer is the one that this Idempotency-Key got before. */
                    "Idempotency-Replayed"?: "true";
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreateUserResponse"];
                };
            };
            /** @description VALIDATION_ERROR or ROLE_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description CONSTRAINT_VIOLATION */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    getUser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GetUserResponse"];
                };
            };
            /** @description VALIDATION_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    deleteUser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeleteUserResponse"];
                };
            };
            /** @description VALIDATION_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description CONSTRAINT_VIOLATION */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    updateUser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UpdateUserRequest"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UpdateUserResponse"];
                };
            };
            /** @description VALIDATION_ERROR or ROLE_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description CONSTRAINT_VIOLATION */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    listUserRoles: {
        parameters: {
            query?: {
                /** @description The `nextCursor` of the page before, with the same filters; excludes `page`. */
                cursor?: string;
                /** @description 1 by default. */
                page?: number;
                /** @description 20 by default. */
                pageSize?: number;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListUserRolesResponse"];
                };
            };
            /** @description VALIDATION_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    grantUserRole: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the first answer is kept for 24 hours and repeated. The same key with another request is a 409. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["GrantUserRoleRequest"];
            };
        };
        responses: {
            /** @description Done. */
            201: {
                headers: {
                    /** @description The answer is the one that this Idempotency-Key got before. */
                    "Idempotency-Replayed"?: "true";
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GrantUserRoleResponse"];
                };
            };
            /** @description VALIDATION_ERROR or ROLE_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description CONSTRAINT_VIOLATION */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
    revokeUserRole: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
                roleId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    /** @description What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds. */
                    RateLimit: string;
                    /** @description The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds. */
                    "RateLimit-Policy": string;
                    "X-Request-Id": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RevokeUserRoleResponse"];
                };
            };
            /** @description VALIDATION_ERROR or ROLE_ERROR */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description AUTHENTICATION_ERROR or SESSION_ERROR */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description PERMISSION_DENIED */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description CONSTRAINT_VIOLATION */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    /** @description In so many seconds it is worth another try. */
                    "Retry-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description DATABASE_ERROR or INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
            /** @description TIMEOUT_ERROR */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Error"];
                };
            };
        };
    };
}
